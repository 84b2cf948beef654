//! The trait of a check, and what a check is given to look with.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use crate::config::{Config, Server};
use crate::containers::Containers;
use crate::context::Context;
use crate::errands::{ErrandError, Errands};
use crate::helper::{Answer, Errand, FileStat, Seen};
use crate::model::{CheckSpec, Code, Fact, Finding};
use crate::net::{self, NetError, Presented, Resolver, Stream};
use crate::process::{Children, Command, Output, ProcessError, User};

/// Looks at one thing.
///
/// A check never returns an error and never takes the run down: what it could not find out is a finding too.
/// Its future may be dropped at any await; what it started in the world must then go away by itself.
#[async_trait]
pub trait Check: Send + Sync {
    /// Everything about the check but the looking.
    fn spec(&self) -> &CheckSpec;

    /// Looks. At least one finding is expected.
    async fn look(&self, scope: &Scope) -> Vec<Finding>;
}

/// What a check is given to look with: the context, its own deadline, and the one way to start processes.
#[derive(Clone)]
pub struct Scope {
    context: Arc<Context>,
    begun: Instant,
    deadline: Instant,
    children: Children,
    errands: Errands,
    containers: Containers,
    resolver: Resolver,
    facts: FactSink,
}

/// Where facts go.
pub(crate) type FactSink = Arc<dyn Fn(Fact) + Send + Sync>;

impl Scope {
    pub(crate) fn new(
        context: Arc<Context>,
        deadline: Instant,
        children: Children,
        errands: Errands,
        facts: FactSink,
    ) -> Self {
        let containers = Containers::new(&context.config, context.helper.clone(), children.clone());
        let resolver = Resolver::new(errands.clone(), containers.clone());
        Self { context, begun: Instant::now(), deadline, children, errands, containers, resolver, facts }
    }

    /// When the run began: what was seen before may be true no more.
    pub(crate) const fn begun(&self) -> Instant {
        self.begun
    }

    /// The same with another deadline.
    #[must_use]
    pub const fn until(mut self, deadline: Instant) -> Self {
        self.deadline = deadline;
        self
    }

    /// The context of the run.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The configuration of the run.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.context.config
    }

    /// How much of the check's own timeout is left.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The addresses of a host, looked up once in a run and never in this process.
    ///
    /// # Errors
    ///
    /// When there is no such name, or the name servers fail.
    pub async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, NetError> {
        self.resolver.resolve(host).await
    }

    /// Connects to a server as configured; see [`net::dial`].
    ///
    /// # Errors
    ///
    /// See [`NetError`]; [`NetError::finding`] makes a finding of it.
    pub async fn dial(&self, server: &Server) -> Result<Stream, NetError> {
        net::dial(&self.resolver, server).await
    }

    /// Connects without TLS, for protocols that change to it later; see [`net::dial_plain`].
    ///
    /// # Errors
    ///
    /// See [`NetError`]; [`NetError::finding`] makes a finding of it.
    pub async fn dial_plain(&self, server: &Server) -> Result<Stream, NetError> {
        net::dial_plain(&self.resolver, server).await
    }

    /// The certificates of a server, also when they are not to be trusted; see [`net::present`].
    ///
    /// # Errors
    ///
    /// See [`NetError`]; what is wrong with the certificates is no error.
    pub async fn certificates(&self, server: &Server) -> Result<Presented, NetError> {
        net::present(&self.resolver, server).await
    }

    /// The containers of compose services.
    #[must_use]
    pub const fn containers(&self) -> &Containers {
        &self.containers
    }

    /// Tells something worth knowing that is neither good nor bad.
    pub fn fact(&self, label: impl Into<String>, value: impl Into<String>) {
        (self.facts)(Fact { label: label.into(), value: value.into() });
    }

    /// Runs a command to its end and returns what it printed. Dropping the future stops the whole process group.
    ///
    /// # Errors
    ///
    /// When the process could not be started; its failure is in the [`Output`].
    pub async fn run(&self, command: Command) -> Result<Output, ProcessError> {
        self.children.run(&self.context.helper, command).await
    }

    /// What a file is, asked by a process of its own as this user or as the caller: storage can hang, and then only this
    /// question does. `follow` says whether a symbolic link is followed.
    ///
    /// # Errors
    ///
    /// The helper failed; what the operating system refused is in the answer.
    pub async fn stat(
        &self,
        path: &Path,
        follow: bool,
        user: Option<User>,
    ) -> Result<Answer<FileStat>, ErrandError> {
        self.errands.run(user, Errand::Stat(path.to_owned(), follow)).await
    }

    /// Why root must not run a program: somebody else could have written it. Nothing when it is to be trusted.
    ///
    /// # Errors
    ///
    /// The helper failed; what the operating system refused is in the answer.
    pub async fn distrust(&self, program: &Path) -> Result<Answer<Option<String>>, ErrandError> {
        self.errands.run(None, Errand::Distrust(program.to_owned())).await
    }

    /// Everybody's processes, as they were when the first check of the run asked.
    ///
    /// # Errors
    ///
    /// The helper failed; what the operating system refused is in the answer.
    pub async fn everybody(&self) -> Result<Arc<Answer<Vec<Seen>>>, ErrandError> {
        self.errands.everybody().await
    }

    /// An account of this machine by its name; nothing when there is none.
    ///
    /// # Errors
    ///
    /// The system's own look-up could not be started.
    pub async fn account(&self, name: &str) -> Result<Option<User>, ProcessError> {
        self.errands.account(name).await
    }

    /// The id of a group of this machine by its name; nothing when there is none.
    ///
    /// # Errors
    ///
    /// The system's own look-up could not be started.
    pub async fn group(&self, name: &str) -> Result<Option<u32>, ProcessError> {
        self.errands.group(name).await
    }

    /// As whom to ask what asks "can the site …": nothing when the caller is the site's user.
    ///
    /// # Errors
    ///
    /// A finding that skips the check when this caller may not act as the site's user, or that fails it when there
    /// is no such user.
    pub async fn site_user(&self) -> Result<Option<User>, Finding> {
        let Some(name) = self.config().site.user.as_deref() else { return Ok(None) };
        let caller = &self.context.caller;
        if caller.user == name {
            return Ok(None);
        }
        if caller.uid != 0 {
            return Err(Finding::skipped(
                Code::NotPermitted,
                format!("only root and `{name}` can ask this as the site's user; this is `{}`", caller.user),
            )
            .with_hint("run the check with sudo"));
        }
        match self.children.user(&self.context.helper, name).await {
            Ok(Some(user)) => Ok(Some(user)),
            Ok(None) => Err(Finding::failed(
                Code::NoSuchUser,
                format!("there is no user `{name}` on this machine"),
                "set `site.user` to the account that the site runs as",
            )),
            Err(error) => Err(Finding::unknown(Code::HelperFailed, error.to_string())),
        }
    }
}
