//! Whole invocations of the program: exit code, standard output, standard error.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod config;
mod demo;
mod formats;
mod golden;
mod listing;
mod output;
mod own;
mod signals;
mod support;
