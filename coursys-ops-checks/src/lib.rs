//! The checks of `coursys-ops`, one file each: `cache_connection.rs` is `cache.connection`.

mod cache_connection;
mod cache_shared;
mod cache_unicode;
mod disk_space;
mod email_smtp;
mod files_writable;
mod search_connection;
mod search_query;
mod site_locale;
mod time_offset;

mod elasticsearch;
mod garbage;
mod helper_answer;
mod http;
mod login;
mod memcached;
mod site_python;
mod smtp;
mod wire;

#[cfg(test)]
mod testing;

use std::sync::Arc;

use coursys_ops_core::Check;
use coursys_ops_core::config::Config;

/// Every check of this configuration, by id. None of them sends anything.
#[must_use]
pub fn all(config: &Config) -> Vec<Arc<dyn Check>> {
    list(config, false)
}

/// The same, but `email.smtp` sends one mail to the address of the context.
#[must_use]
pub fn all_and_send_mail(config: &Config) -> Vec<Arc<dyn Check>> {
    list(config, true)
}

/// The table of contents.
fn list(_config: &Config, send_mail: bool) -> Vec<Arc<dyn Check>> {
    let mut checks: Vec<Arc<dyn Check>> = vec![
        Arc::new(cache_connection::CacheConnection::new()),
        Arc::new(cache_shared::CacheShared::new()),
        Arc::new(cache_unicode::CacheUnicode::new()),
        Arc::new(email_smtp::EmailSmtp::new(send_mail)),
        Arc::new(search_connection::SearchConnection::new()),
        Arc::new(search_query::SearchQuery::new()),
        Arc::new(site_locale::SiteLocale::new()),
        Arc::new(time_offset::TimeOffset::new()),
    ];
    checks.extend(disk_space::all());
    checks.extend(files_writable::all());
    checks.sort_by(|a, b| a.spec().id.cmp(&b.spec().id));
    checks
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::Registry;
    use coursys_ops_core::model::Effects;

    use super::*;

    #[test]
    fn the_table_of_contents_is_a_registry_in_which_everybody_explains_himself() {
        let registry = Registry::new(all(&testing::config())).unwrap();
        for check in registry.checks() {
            let spec = check.spec();
            assert!(spec.explanation.lines().count() >= 3, "{} explains nothing", spec.id);
            assert_ne!(spec.effects, Effects::Sends, "{} sends without being asked", spec.id);
        }
        let sends = all_and_send_mail(&testing::config());
        let sends = sends.iter().filter(|check| check.spec().effects == Effects::Sends);
        assert_eq!(sends.map(|check| check.spec().id.as_str()).collect::<Vec<_>>(), ["email.smtp"]);
    }
}
