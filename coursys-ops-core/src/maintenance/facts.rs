//! What was seen, as values.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::Flag;
use crate::check::Scope;
use crate::service::{Look, State};

/// What was seen of the site's maintenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What is in the flag's place.
    pub flag: Flag,
    /// The components that rest in maintenance, in the order of their needs; those of this deployment only.
    pub workers: Vec<Worker>,
    /// Their processes, whoever started them; why they cannot be seen.
    pub strays: Result<Vec<Stray>, String>,
    /// What the site answers; nothing when nobody asked.
    pub page: Option<Page>,
    /// How many consumers each of the site's queues has, or why that is not known; nothing when nobody asked.
    pub consumers: Option<Result<BTreeMap<String, u32>, String>>,
    /// When it was looked at.
    pub now: Timestamp,
}

/// A component that rests in maintenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// What was seen of it.
    pub look: Look,
    /// Whether others are kept from starting it.
    pub held: Held,
}

/// Whether others are kept from starting a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// They are not.
    No,
    /// They are.
    Yes,
    /// The hold is written and not in force, or not for every unit.
    Partly,
    /// They cannot be, for this reason.
    Never(String),
    /// It could not be seen, for this reason.
    Unseen(String),
}

/// A process of the workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Its id.
    pub pid: u32,
    /// Its command line, short.
    pub command: String,
}

/// What the site answers when it is asked for a public page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// 503 with the maintenance page.
    Maintenance,
    /// The page, or another answer of the site, with this status.
    Served(u16),
    /// Something else, in words.
    Other(String),
    /// It cannot be asked, for this reason.
    Silent(String),
}

/// Who can ask the site and its broker; core speaks neither HTTP nor AMQP.
#[async_trait]
pub trait Witness: Send + Sync {
    /// What the site answers, through nginx.
    async fn page(&self, scope: &Scope) -> Page;

    /// How many consumers each of the site's queues has.
    ///
    /// # Errors
    ///
    /// Why that cannot be told.
    async fn consumers(&self, scope: &Scope) -> Result<BTreeMap<String, u32>, String>;
}

impl Worker {
    /// Whether any of it runs, or may: what is being stopped still works.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.look.parts.iter().any(|part| part.state.is_up() || part.state == State::Stopping)
    }

    /// Whether all of it runs. A component of several containers may do so in part.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.look.parts.iter().all(|part| part.state.is_up())
    }

    /// Whether it could be seen.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        self.look.parts.iter().all(|part| part.state != State::Unseen)
    }

    /// Whether it starts when the machine does.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.look.parts.iter().any(|part| part.enabled == Some(true))
    }

    /// That nobody is kept from starting it, and why not, where that is so.
    #[must_use]
    pub fn unheld(&self) -> Option<String> {
        match &self.held {
            Held::Never(why) => Some(format!("nothing keeps others from starting `{}`: {why}", self.name)),
            Held::No | Held::Yes | Held::Partly | Held::Unseen(_) => None,
        }
    }
}

impl Facts {
    /// The names of those that run.
    #[must_use]
    pub fn running(&self) -> Vec<&str> {
        self.workers.iter().filter(|one| one.runs()).map(|one| one.name.as_str()).collect()
    }

    /// Whether any hold is there.
    #[must_use]
    pub fn is_any_held(&self) -> bool {
        self.workers.iter().any(|one| matches!(one.held, Held::Yes | Held::Partly))
    }
}
