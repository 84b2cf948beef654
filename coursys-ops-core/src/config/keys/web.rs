//! The web site as the world sees it, what serves it, and the ports that the world must not see.

use super::List;
use super::servers::server;
use crate::config::Kind;

pub(super) fn web(list: &mut List) {
    server(list, "web");
    list.need("web.hosts", Kind::List, "the hosts that the site serves");
    list.need("web.redirected_hosts", Kind::List, "the hosts that redirect to the first of those");
    list.need("web.page", Kind::Text, "the path of a page that everybody may see");
    list.need("web.static_file", Kind::Text, "the path of a static file that is always there");
    list.need("web.static_type", Kind::Text, "the type that it must be served with");
    list.need(
        "web.static_max_age_s",
        Kind::Integer(0, 315_360_000),
        "how long browsers must be told to keep static files, at least",
    )
    .unit = Some("seconds");
    list.need(
        "web.static_sources",
        Kind::List,
        "the directories below `site.dir` from which static files are collected",
    );
    list.need(
        "web.https_port",
        Kind::Integer(0, 65_535),
        "the port on which `web.host` speaks TLS; 0 where something before it does",
    );
    list.may("web.public_url", Kind::Url, "where the world finds the site");
    list.need(
        "web.tls_min_days",
        Kind::Integer(0, 365),
        "how long certificates must be valid yet without a warning",
    )
    .unit = Some("days");
    list.may("web.nginx_config", Kind::Path, "the configuration that nginx is started with");
    list.may("web.cas_url", Kind::Url, "the CAS server that users log in with");
}

pub(super) fn gunicorn(list: &mut List) {
    server(list, "gunicorn");
}

pub(super) fn ports(list: &mut List) {
    list.need(
        "ports.private",
        Kind::List,
        "ports on which nothing may listen for the world: `11211`, or `11211/tcp` or `/udp` for one protocol",
    );
    list.need(
        "ports.allowed_networks",
        Kind::List,
        "networks whose addresses the world cannot reach, like `172.17.0.0/16`, that of Docker's bridge",
    );
}
