//! Name look-ups in a process that can be killed.
//!
//! libc's resolver blocks, and a thread that sits in it cannot be ended: under a time-out the runtime would wait for
//! it when it shuts down. A child process keeps nsswitch's behaviour to the letter and dies when told to; it answers for
//! the whole run, each name on a thread of its own when the name servers are slow. The names that compose services have for
//! each other are asked of Docker instead.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::NetError;
use crate::containers::{Containers, Whereabouts};
use crate::errands::Errands;
use crate::helper::{Blind, Errand, Resolved};

type Lookup = Arc<OnceCell<Resolved>>;

/// The name look-ups of one run: each name is asked for once.
#[derive(Debug, Clone)]
pub struct Resolver {
    errands: Errands,
    containers: Containers,
    names: Arc<Mutex<BTreeMap<String, Lookup>>>,
}

impl Resolver {
    /// Look-ups by the helper that does the run's errands, and of services by what Docker tells.
    pub(crate) fn new(errands: Errands, containers: Containers) -> Self {
        Self { errands, containers, names: Arc::default() }
    }

    /// The addresses of a host, in the order that the system prefers.
    ///
    /// # Errors
    ///
    /// When there is no such name, the name servers fail, or the helper process does; when it is a compose service of which
    /// no container runs, or where Docker does not tell.
    pub async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, NetError> {
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(vec![address]);
        }
        match self.containers.find(host).await {
            Whereabouts::NotOurs => {}
            Whereabouts::At(addresses) => return Ok(addresses),
            Whereabouts::Down(why) | Whereabouts::Untold(Blind::Down(why)) => {
                return Err(NetError::Stopped(host.to_owned(), why));
            }
            Whereabouts::Untold(Blind::Refused(why)) => {
                return Err(NetError::NotPermitted(host.to_owned(), why));
            }
            Whereabouts::Untold(blind) => return Err(NetError::Helper(blind.to_string())),
        }
        let lookup = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(names.entry(host.to_owned()).or_default())
        };
        // A look-up whose asker gives up is started again by the next one.
        match lookup.get_or_try_init(|| self.ask(host)).await? {
            Resolved::Addresses(addresses) if !addresses.is_empty() => Ok(addresses.clone()),
            Resolved::Addresses(_) => Err(NetError::UnknownHost(host.to_owned(), "no address".to_owned())),
            Resolved::Unknown(why) => Err(NetError::UnknownHost(host.to_owned(), why.clone())),
            Resolved::Failed(why) => Err(NetError::Dns(host.to_owned(), why.clone())),
        }
    }

    async fn ask(&self, host: &str) -> Result<Resolved, NetError> {
        let resolved = self.errands.run(None, Errand::Resolve(host.to_owned())).await;
        resolved.map_err(|error| NetError::Helper(error.to_string()))
    }
}
