//! One file per command.

pub mod abandon;
pub mod check;
pub mod clear_cache;
pub mod config;
pub mod demo;
pub mod drain;
pub mod email_check;
pub mod history;
pub mod kinit;
mod listing;
pub mod maintenance;
pub mod ntpdate;
pub mod purge_cache;
pub mod queues;
pub mod rebuild_index;
pub mod resume;
pub mod service;
pub mod status;
