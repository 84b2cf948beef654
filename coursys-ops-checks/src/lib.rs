//! The checks of `coursys-ops`, one file each: `cache_connection.rs` is `cache.connection`.

mod assets_compression;
mod broker_alarms;
mod broker_connection;
mod broker_nodes;
mod cache_connection;
mod cache_health;
mod cache_shared;
mod cache_unicode;
mod cas_login;
mod celery_beat;
mod celery_nodes;
mod celery_queue;
mod celery_queues_other;
mod celery_reporting_db;
mod code_settings;
mod code_state;
mod code_workers;
mod database_capacity;
mod database_charset;
mod database_connection;
mod database_dumps;
mod database_dumps_content;
mod database_migrations;
mod database_unicode;
mod disk_space;
mod email_smtp;
mod emplid_api;
mod files_writable;
mod kerberos_ticket;
mod maintenance_state;
mod markup_rpc;
mod moss_executable;
mod photos_service;
mod ports_exposed;
mod reporting_db_query;
mod search_connection;
mod search_freshness;
mod search_health;
mod search_query;
mod service;
mod site_locale;
mod site_python;
mod system_kernel_log;
mod system_load;
mod system_memory;
mod system_swap;
mod system_updates;
mod time_offset;
mod web_nginx_config;
mod web_serving;
mod web_tls;

mod alter;
mod amqp;
mod apt;
mod broken;
mod broker_patience;
mod broker_queues;
mod celery_call;
mod celery_probe;
mod celery_talk;
mod celery_verdict;
mod certificate;
mod dnf;
mod dumps;
mod elasticsearch;
mod garbage;
mod git;
mod git_reflog;
mod git_status;
pub mod glance;
mod grade;
pub mod helper;
mod helper_answer;
mod http;
pub mod kerberos;
mod kernel_log;
mod located;
mod log_lines;
mod login;
mod machine;
mod maintenance;
mod maintenance_drain;
mod maintenance_requests;
mod maintenance_steps;
mod maintenance_tasks;
mod maintenance_witness;
mod memcached;
mod memcached_text;
mod meminfo;
mod migrations;
mod mysql;
#[cfg(any(feature = "odbc", test))]
#[cfg_attr(not(feature = "odbc"), allow(dead_code, reason = "its tests need no ODBC"))]
mod odbc;
mod outside;
mod own;
mod probe_row;
mod processlist;
pub mod queues;
mod rabbitmqctl;
mod search_nodes;
mod search_rebuild;
mod site_account;
mod site_container;
mod site_page;
mod site_processes;
mod site_shell;
mod smtp;
mod smtp_stream;
mod sqlite;
mod statement;
pub mod status;
pub mod tools;
mod traceback;
mod units;
mod univ;
mod version;
mod watermark;
mod words;
mod workers;

mod reference;

#[cfg(test)]
mod testing;

use std::sync::Arc;

use coursys_ops_core::Check;
use coursys_ops_core::config::Config;
use coursys_ops_core::service::Surveyor;

pub use located::settled;
pub use log_lines::LogLines;
pub use maintenance_steps::built_ins as maintenance_built_ins;
pub use maintenance_witness::{FlagLook, MaintenanceLook};
pub use reference::reference;

/// Every check of this configuration, by id. None of them sends anything.
#[must_use]
pub fn all(config: &Config) -> Vec<Arc<dyn Check>> {
    list(config, false, &Surveyor::default())
}

/// The same, but `email.smtp` sends one mail to the address of the context.
#[must_use]
pub fn all_and_send_mail(config: &Config) -> Vec<Arc<dyn Check>> {
    list(config, true, &Surveyor::default())
}

/// The same as [`all`] for somebody who looks at the services, too: one survey serves both.
#[must_use]
pub fn all_beside(config: &Config, surveyor: &Surveyor) -> Vec<Arc<dyn Check>> {
    list(config, false, surveyor)
}

/// The table of contents.
fn list(config: &Config, send_mail: bool, surveyor: &Surveyor) -> Vec<Arc<dyn Check>> {
    let mut checks: Vec<Arc<dyn Check>> = vec![
        Arc::new(assets_compression::AssetsCompression::new()),
        Arc::new(broker_alarms::BrokerAlarms::new(surveyor.clone())),
        Arc::new(broker_connection::BrokerConnection::new()),
        Arc::new(broker_nodes::BrokerNodes::new()),
        Arc::new(cache_connection::CacheConnection::new()),
        Arc::new(cache_health::CacheHealth::new()),
        Arc::new(cache_shared::CacheShared::new()),
        Arc::new(cache_unicode::CacheUnicode::new()),
        Arc::new(cas_login::CasLogin::new()),
        Arc::new(database_capacity::DatabaseCapacity::new()),
        Arc::new(database_charset::DatabaseCharset::new()),
        Arc::new(database_connection::DatabaseConnection::new()),
        Arc::new(database_dumps::DatabaseDumps::new()),
        Arc::new(database_dumps_content::DatabaseDumpsContent::new()),
        Arc::new(database_migrations::DatabaseMigrations::new(config)),
        Arc::new(database_unicode::DatabaseUnicode::new()),
        Arc::new(celery_queues_other::CeleryQueuesOther::new()),
        Arc::new(email_smtp::EmailSmtp::new(send_mail)),
        Arc::new(ports_exposed::PortsExposed::new(surveyor.clone())),
        Arc::new(maintenance_state::MaintenanceState::new(config, surveyor)),
        Arc::new(markup_rpc::MarkupRpc::new()),
        Arc::new(emplid_api::EmplidApi::new()),
        Arc::new(kerberos_ticket::KerberosTicket::new()),
        Arc::new(photos_service::PhotosService::new(config)),
        Arc::new(reporting_db_query::ReportingDbQuery::new(config)),
        Arc::new(search_connection::SearchConnection::new()),
        Arc::new(search_health::SearchHealth::new()),
        Arc::new(site_locale::SiteLocale::new()),
        Arc::new(system_kernel_log::SystemKernelLog::new()),
        Arc::new(system_load::SystemLoad::new()),
        Arc::new(system_memory::SystemMemory::new()),
        Arc::new(system_swap::SystemSwap::new()),
        Arc::new(system_updates::SystemUpdates::new()),
        Arc::new(time_offset::TimeOffset::new()),
        Arc::new(web_nginx_config::WebNginxConfig::new()),
        Arc::new(web_serving::WebServing::new()),
        Arc::new(web_tls::WebTls::new(&config.web)),
    ];
    let roll = workers::Roll::default();
    checks.extend(celery(config, &roll));
    checks.extend(service::all(config, surveyor));
    checks.extend(code(config));
    checks.extend(index(roll));
    checks.extend(disk_space::all());
    checks.extend(files_writable::all());
    checks.extend(own::all(config, &checks));
    checks.sort_by(|a, b| a.spec().id.cmp(&b.spec().id));
    checks
}

/// The checks of the site's code; one Python tells two of them what they ask.
fn code(config: &Config) -> Vec<Arc<dyn Check>> {
    let told = site_python::Told::default();
    vec![
        Arc::new(code_settings::CodeSettings::new(told.clone())),
        Arc::new(code_state::CodeState::new()),
        Arc::new(code_workers::CodeWorkers::new()),
        Arc::new(moss_executable::MossExecutable::new()),
        Arc::new(site_python::SitePython::new(told, config)),
    ]
}

/// One check for each queue of Celery, and those that want to know how their queue does: the beat's and the reporting
/// database's. Who asks the nodes shares their answers.
fn celery(config: &Config, roll: &workers::Roll) -> Vec<Arc<dyn Check>> {
    let celery = &config.celery;
    let mut checks: Vec<Arc<dyn Check>> = vec![Arc::new(celery_nodes::CeleryNodes::new(roll.clone()))];
    let (mut beat_mood, mut reporting_mood) = Default::default();
    for queue in &celery.queues {
        let check = celery_queue::CeleryQueue::new(queue, celery, roll.clone());
        if *queue == celery.beat_queue {
            beat_mood = check.mood();
        }
        if *queue == celery.reporting_queue {
            reporting_mood = check.mood();
        }
        checks.push(Arc::new(check));
    }
    checks.push(Arc::new(celery_beat::CeleryBeat::new(celery, beat_mood)));
    checks.push(Arc::new(celery_reporting_db::CeleryReportingDb::new(celery, reporting_mood)));
    checks
}

/// The checks of what is in the search index; one tells the other whether it is being made anew.
fn index(roll: workers::Roll) -> [Arc<dyn Check>; 2] {
    let rebuild = search_rebuild::Rebuild::default();
    [
        Arc::new(search_freshness::SearchFreshness::new(roll, rebuild.clone())),
        Arc::new(search_query::SearchQuery::new(rebuild)),
    ]
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
