//! Injections: ways to bring a fault about, as functions that rows compose with [`Fault::with`](crate::matrix::Fault).
//!
//! Each returns a closure over the [`Scene`]; what it changes is undone when the scene goes. Paths are relative to the
//! directory of the set of servers (`site/…`, `files/db_backup/…`, `mariadb/…`), unless they are absolute.

mod cache;
mod celery;
mod disk;
mod file;
mod gunicorn;
mod machine;
mod network;
mod process;
mod relay;
mod repository;
mod search;
mod server;
mod web;

pub use cache::{asked_in_vain, connected, left_alone, memcached, overfilled, overrun};
pub use celery::{
    crowded, false_control, false_markup, false_worker, forgotten, forgotten_vhost, held, hung_children,
    hung_main, stranger, told_off,
};
pub use disk::{disk, hung_disk};
pub use file::{chmod, chown, missing, replaced, touched};
pub use machine::{kernel_said, packages, restart_wanted};
pub use network::{certified, dead_ipv6, dropped, names, proxied, time};
pub use process::{as_site, spawned};
pub use relay::{lost_clock, relay};
pub use repository::{in_site, pulled, reloaded, runs_nothing};
pub use search::{Request, search};
pub use server::{hung, liar, liar_for, rabbitmqctl, sql, stopped};

pub use web::{emptied, exposed, nginx, outdated, uncompressed, web_certificate};

use crate::matrix::Scene;

/// Lets the program's clock be off, such as by `+10s`; that of the servers and of the machine stays.
pub fn clock_off(by: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| scene.under(["faketime", "-f", by])
}

/// Puts a file of these contents in the place of one of the system's, for the program alone.
pub fn bound(contents: &'static str, over: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let file = scene.directory().join("bound");
        std::fs::write(&file, contents).unwrap();
        scene.bind(&file, over.as_ref());
    }
}
