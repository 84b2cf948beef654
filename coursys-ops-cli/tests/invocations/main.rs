//! Whole invocations of the program: exit code, standard output, standard error.

mod demo;
mod formats;
mod golden;
mod listing;
mod output;
mod signals;
mod support;
