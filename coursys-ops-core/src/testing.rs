//! What the unit tests of core share.

use std::sync::Arc;

use crate::config::Config;
use crate::context::{Caller, Context};
use crate::process::Helper;

/// The configuration of a laptop.
pub fn config() -> Config {
    toml::from_str(include_str!("../profiles/devel.toml")).expect("the profile is complete")
}

/// A context that starts no helper.
pub fn context() -> Arc<Context> {
    let caller = Caller { uid: 1000, user: "tester".to_owned(), host: "laptop".to_owned() };
    Arc::new(Context::new(config(), caller, Helper { argv: vec!["false".into()] }, "0.0.0"))
}
