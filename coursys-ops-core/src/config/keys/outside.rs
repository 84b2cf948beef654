//! The outside services that the site asks.

use super::List;
use crate::config::Kind;

/// The longest time of a ticket, in seconds: a year.
const LONGEST_S: i64 = 366 * 24 * 3600;

pub(super) fn web_services(list: &mut List) {
    list.may(
        "cas.service",
        Kind::Url,
        "the page that the CAS server sends users back to; without it, `/login/` of the first of `web.hosts`",
    );
    way(list, "cas");
    list.may("photos.url", Kind::Url, "the photo service, without the paths of its API");
    list.may("photos.account", Kind::Text, "the site's account there");
    secret(
        list,
        "photos",
        "password",
        "the password; without any, the one that the site keeps in its database",
    );
    list.need("photos.probe_id", Kind::Text, "the number of somebody who has a photo");
    way(list, "photos");
    list.may("emplid.url", Kind::Url, "the API that tells a user's number, without the query");
    secret(list, "emplid", "secret", "the secret that it knows the site by");
    list.need("emplid.probe_user", Kind::Text, "a user whom it knows");
    list.need(
        "emplid.expected",
        Kind::Text,
        "what that user's number looks like; `*` stands for anything, `?` for one character",
    );
    way(list, "emplid");
}

pub(super) fn reporting_db(list: &mut List) {
    list.may(
        "kerberos.principal",
        Kind::Text,
        "whose ticket it is, `name@REALM`; without it, the name in `kerberos.username_file` and `kerberos.realm`",
    );
    list.may("kerberos.username_file", Kind::Path, "a file that holds the name");
    list.may("kerberos.realm", Kind::Text, "the realm of that name");
    list.may(
        "kerberos.cache",
        Kind::Path,
        "the ticket cache; without it, `/tmp/krb5cc_UID` of the site's user",
    );
    list.may("kerberos.keytab", Kind::Path, "the key that the ticket is refreshed with");
    list.may("kerberos.config", Kind::Path, "the configuration of Kerberos; without it, `/etc/krb5.conf`");
    for (name, meaning) in [
        ("min_remaining_s", "how long the ticket must be good for"),
        ("refresh_s", "how often it is refreshed; twice that without a new one is a warning"),
    ] {
        list.need(format!("kerberos.{name}"), Kind::Integer(1, LONGEST_S), meaning).unit = Some("seconds");
    }
    list.may("kerberos.crontab", Kind::Path, "the crontab that refreshes it, where cron does");
    list.need("kerberos.refresh_job", Kind::Text, "a word in the command that refreshes it");
    list.may("reporting_db.host", Kind::Host, "a name, an IPv4 or an IPv6 address");
    list.need("reporting_db.port", Kind::Integer(1, 65_535), "the port");
    list.need("reporting_db.database", Kind::Text, "the name of the database");
    list.need(
        "reporting_db.driver",
        Kind::Text,
        "the ODBC driver: its name in `odbcinst.ini`, or the path of its library",
    );
    list.need("reporting_db.options", Kind::List, "what else the connection string says, `NAME=VALUE` each");
    list.need("reporting_db.trusted", Kind::Switch, "whether to log in with the Kerberos ticket");
    list.may("reporting_db.user", Kind::Text, "the user to log in as otherwise");
    secret(list, "reporting_db", "password", "that user's password");
    list.need("reporting_db.query", Kind::Text, "a query whose first value is known");
    list.need(
        "reporting_db.expected",
        Kind::Text,
        "what that value looks like; `*` stands for anything, `?` for one character",
    );
}

/// How an address of the web is reached.
fn way(list: &mut List, section: &str) {
    list.may(format!("{section}.proxy"), Kind::Url, "an HTTP proxy on the way");
    list.may(
        format!("{section}.tls_ca_file"),
        Kind::Path,
        "the trusted certificates, PEM; without it, those of the system",
    );
}

/// A secret and the two other places where it may be.
fn secret(list: &mut List, section: &str, name: &str, meaning: &'static str) {
    list.may(format!("{section}.{name}"), Kind::Secret, meaning);
    list.may(format!("{section}.{name}_file"), Kind::Path, "a file that holds it and nothing else");
    list.may(format!("{section}.{name}_env"), Kind::Text, "the environment variable that holds it");
}
