//! One file per command.

pub mod abandon;
pub mod check;
pub mod config;
pub mod demo;
pub mod helper;
pub mod history;
mod listing;
pub mod maintenance;
pub mod resume;
pub mod service;
pub mod status;
