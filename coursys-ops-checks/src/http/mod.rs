//! One HTTP request over one connection of core's own: what checks ask of web servers and services.
//!
//! hyper speaks the protocol; who is connected to, for how long, and how much is read stays with us. No redirect is
//! followed, because a check wants to see it; no proxy is used unless its key names one; nothing is kept alive, and the
//! connection is driven by the future that asks, so that dropping it ends everything.

mod proxy;
mod request;
mod response;
mod send;
mod target;
mod url;

pub(crate) use request::Request;
pub(crate) use response::Response;
pub(crate) use send::send;
pub(crate) use target::Target;
pub(crate) use url::{Url, UrlError};

#[cfg(test)]
#[path = "../http_tests.rs"]
mod tests;
