//! What a run is given: configuration, environment, clock, identity, and how to start the helper.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::Config;
use crate::process::{Helper, local_name};
use crate::secret::Redactor;

/// Wall-clock time as a value, so that tests can set it. Durations are always monotonic.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Who runs the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The effective user id; 0 is root.
    pub uid: u32,
    /// The user's name, or the id in digits when it has none.
    pub user: String,
    /// The machine's name.
    pub host: String,
}

impl Caller {
    /// Who runs this process, as the operating system knows him. Accounts that are not in the machine's own file are named by
    /// LOGNAME or USER of the environment: asking a directory service could take for ever.
    #[must_use]
    pub fn of_process(environment: &BTreeMap<String, String>) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let claimed = || ["LOGNAME", "USER"].iter().find_map(|name| environment.get(*name)).cloned();
        let user = local_name(uid).or_else(claimed).unwrap_or_else(|| uid.to_string());
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { uid, user, host }
    }
}

/// Everything that a check may read.
#[derive(Debug, Clone)]
pub struct Context {
    /// The configuration, after all layers.
    pub config: Config,
    /// The environment of the caller, as a value.
    pub environment: BTreeMap<String, String>,
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Who runs the checks.
    pub caller: Caller,
    /// How to start the helper process; see [`crate::helper`].
    pub helper: Helper,
    /// The program's version, for the report.
    pub version: String,
    /// Takes the configured secrets out of every text that leaves the run.
    pub redactor: Redactor,
    /// Where `check --email` sends its test mail.
    pub mail_to: Option<String>,
}

impl Context {
    /// A context of the machine's clock and of the secrets in `config`.
    #[must_use]
    pub fn new(config: Config, caller: Caller, helper: Helper, version: impl Into<String>) -> Self {
        let redactor = Redactor::new(config.secrets());
        Self {
            config,
            environment: BTreeMap::new(),
            clock: Arc::new(SystemClock),
            caller,
            helper,
            version: version.into(),
            redactor,
            mail_to: None,
        }
    }
}
