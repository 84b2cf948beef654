//! `config import-django`: what the site's own settings say, as a configuration file and files of secrets.
//!
//! [`ask`] asks the site once, [`Answer::understand`] makes keys of what it said, [`plan`] says what the files would
//! become, and [`Plan::write`] writes them.

mod answer;
mod ask;
mod compare;
mod diff;
mod edit;
mod plan;
mod write;

pub use answer::{Answer, Imported};
pub use ask::{DEADLINE, ImportError, SETTINGS, ask};
pub use compare::{Difference, differences};
pub use plan::{Plan, SecretFile, plan};
pub use write::create;
