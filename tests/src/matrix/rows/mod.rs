//! The rows, one file for each area.

mod cache_search;
mod celery;
mod code;
mod database;
mod disks;
mod kerberos;
mod located;
mod maintenance;
mod network;
mod outside;
mod own;
mod service;
mod services;
mod several;
mod site;
mod system;
mod web;

use super::Fault;

/// An area's name and its rows.
type Area = (&'static str, fn() -> Vec<Fault>);

/// Every row, area by area.
#[must_use]
pub fn all() -> Vec<Fault> {
    let areas: [Area; 17] = [
        ("database", database::rows),
        ("celery", celery::rows),
        ("located", located::rows),
        ("cache_search", cache_search::rows),
        ("system", system::rows),
        ("disks", disks::rows),
        ("outside", outside::rows),
        ("outside", services::rows),
        ("outside", kerberos::rows),
        ("web", web::rows),
        ("code", code::rows),
        ("maintenance", maintenance::rows),
        ("own", own::rows),
        ("service", service::rows),
        ("site", site::rows),
        ("network", network::rows),
        ("several", several::rows),
    ];
    let of = |(area, rows): Area| rows().into_iter().map(move |fault| Fault { area, ..fault });
    areas.into_iter().flat_map(of).collect()
}
