//! The list of keys, in the order of the documentation: one file for each part of the deployment.

mod celery;
mod code;
mod components;
mod database;
mod machine;
mod outside;
mod plans;
mod servers;
mod site;
mod system;
mod web;

use super::schema::Key;
use super::value::Kind;

/// Every key.
pub(super) fn all() -> Vec<Key> {
    let mut list = List::default();
    site::site(&mut list);
    code::code(&mut list);
    servers::servers(&mut list);
    database::expectations(&mut list);
    celery::markup(&mut list);
    machine::files(&mut list);
    machine::disk(&mut list);
    database::dumps(&mut list);
    database::maintenance(&mut list);
    plans::plans(&mut list);
    system::system(&mut list);
    servers::time(&mut list);
    web::web(&mut list);
    web::gunicorn(&mut list);
    web::ports(&mut list);
    outside::web_services(&mut list);
    outside::reporting_db(&mut list);
    components::managers(&mut list);
    components::components(&mut list);
    site::checks(&mut list);
    list.keys
}

/// Keys in the making.
#[derive(Default)]
pub(super) struct List {
    keys: Vec<Key>,
}

impl List {
    /// A key that some layer must give; the profiles do.
    fn need(&mut self, path: impl Into<String>, kind: Kind, meaning: &'static str) -> &mut Key {
        self.push(path.into(), kind, meaning, false)
    }

    /// A key that may be missing.
    fn may(&mut self, path: impl Into<String>, kind: Kind, meaning: &'static str) -> &mut Key {
        self.push(path.into(), kind, meaning, true)
    }

    fn push(&mut self, path: String, kind: Kind, meaning: &'static str, optional: bool) -> &mut Key {
        self.keys.push_mut(Key { path, kind, meaning, unit: None, optional })
    }
}
