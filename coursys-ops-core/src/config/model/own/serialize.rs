//! How checks of one's own are shown: each value as the key that makes it.

use std::time::Duration;

use serde::Serializer;
use serde::ser::SerializeMap as _;

use super::{Limits, OwnUrl, Pattern};
use crate::config::{Server, Tls};

pub(super) fn seconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_secs_f64())
}

#[allow(clippy::ref_option, reason = "serde hands a reference to the field")]
pub(super) fn some_seconds<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.unwrap_or_default().as_secs_f64())
}

#[allow(clippy::ref_option, reason = "serde hands a reference to the field")]
pub(super) fn octal<S: Serializer>(mode: &Option<u32>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format!("{:04o}", mode.unwrap_or_default()))
}

pub(super) fn shown_url<S: Serializer>(url: &OwnUrl, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&url.shown())
}

pub(super) fn pairs<S: Serializer>(pairs: &[(String, Pattern)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(pairs.iter().map(|(name, pattern)| (name, pattern)))
}

/// The keys of a server that a check of one's own has.
pub(super) fn server<S: Serializer>(server: &Server, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(None)?;
    if let Some(host) = &server.host {
        map.serialize_entry("host", host)?;
        map.serialize_entry("port", &server.port)?;
    }
    if let Some(socket) = &server.socket {
        map.serialize_entry("socket", socket)?;
    }
    map.serialize_entry("tls", if server.tls == Tls::Off { "off" } else { "required" })?;
    if let Some(file) = &server.tls_ca_file {
        map.serialize_entry("tls_ca_file", file)?;
    }
    if let Some(name) = &server.tls_server_name {
        map.serialize_entry("tls_server_name", name)?;
    }
    map.end()
}

macro_rules! limits {
    ($($name:ident: $warn:literal $crit:literal,)+) => {$(
        pub(super) fn $name<S: Serializer>(limits: &Limits, to: S) -> Result<S::Ok, S::Error> {
            let pairs = [($warn, limits.warn), ($crit, limits.crit)];
            to.collect_map(pairs.into_iter().filter_map(|(name, limit)| Some((name, limit?))))
        }
    )+};
}

limits! {
    of_seconds: "warn_s" "crit_s",
    of_days: "warn_days" "crit_days",
    of_age: "warn_age_s" "crit_age_s",
    of_bytes: "warn_bytes" "crit_bytes",
    of_restarts: "warn_restarts" "crit_restarts",
}
