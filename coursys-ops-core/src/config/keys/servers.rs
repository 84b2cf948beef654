//! The servers that the site uses: where they are, how to log in, and what is expected of them.

use super::List;
use crate::config::Kind;

pub(super) fn servers(list: &mut List) {
    server(list, "database");
    list.need("database.engine", Kind::Choice(&["mysql", "sqlite"]), "MariaDB or MySQL, or a file of SQLite");
    list.may("database.name", Kind::Text, "the name of the database, or the path of the SQLite file");
    server(list, "broker");
    list.need("broker.vhost", Kind::Text, "the virtual host of RabbitMQ");
    super::celery::broker(list);
    super::celery::celery(list);
    server(list, "cache");
    list.need("cache.key_prefix", Kind::AnyText, "Django's `KEY_PREFIX`");
    list.need("cache.version", Kind::Integer(0, 0xffff_ffff), "Django's `VERSION` of cache keys");
    super::system::cache(list);
    server(list, "search");
    list.need("search.index", Kind::Text, "the index that haystack fills");
    list.need("search.query", Kind::Text, "a word that must have a hit in the index");
    super::system::search(list);
    server(list, "email");
    list.need(
        "email.starttls",
        Kind::Switch,
        "with `email.tls = \"required\"`: true is STARTTLS, false is TLS from the first byte",
    );
    list.may("email.from", Kind::Text, "the sender of test mails");
}

pub(super) fn time(list: &mut List) {
    server(list, "time");
    list.need("time.max_offset_s", Kind::Number(0.001, 3600.0), "how far the clock may be off").unit =
        Some("seconds");
}

pub(super) fn server(list: &mut List, section: &str) {
    let path = |name: &str| format!("{section}.{name}");
    list.may(
        path("host"),
        Kind::Host,
        "a name, an IPv4 or an IPv6 address; every address of a name is tried",
    );
    list.may(path("socket"), Kind::Path, "a Unix socket instead of host and port");
    list.need(path("port"), Kind::Integer(1, 65_535), "the port");
    list.need(
        path("tls"),
        Kind::Choice(&["off", "required"]),
        "whether the connection is encrypted and the certificate verified; nothing is opportunistic",
    );
    list.may(
        path("tls_ca_file"),
        Kind::Path,
        "the trusted certificates, PEM; without it, those of the system",
    );
    list.may(
        path("tls_server_name"),
        Kind::Host,
        "the name that the certificate must be for; without it, the host",
    );
    list.may(path("user"), Kind::Text, "the user to log in as");
    list.may(path("password"), Kind::Secret, "the password itself");
    list.may(path("password_file"), Kind::Path, "a file that holds the password and nothing else");
    list.may(path("password_env"), Kind::Text, "the environment variable that holds the password");
}
