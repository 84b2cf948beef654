//! One file per command.

pub mod check;
pub mod config;
pub mod demo;
pub mod helper;
mod listing;
pub mod service;
pub mod status;
