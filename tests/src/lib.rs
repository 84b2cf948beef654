//! What the end-to-end tests share: a set of real servers with a site, faults for them, and the program as a user runs it.
//!
//! `cargo xtask test` brings the servers up and names them in `COURSYS_OPS_TEST_SERVERS`. Without it the tests that
//! need servers say so and end, or fail where `CI=true`.

mod administrator;
pub mod compose;
mod fault;
pub mod inject;
mod interrupt;
pub mod kdc;
mod leftovers;
pub mod matrix;
mod mount;
mod program;
mod servers;
pub mod soak;
mod staging;
mod staging_compose;
mod staging_cron;
mod staging_keep;
mod staging_load;
mod staging_maintenance;
pub mod stand_in;
mod traces;

pub use fault::{hung, stopped};
pub use interrupt::stop_by_signal;
pub use leftovers::Leftovers;
pub use mount::{Disk, HungMount};
pub use program::{Expected, Program, Run};
pub use servers::{Servers, servers};
pub use staging::{Ended, Staging, staging};
pub use staging_compose::{PATIENCE, container, healthy_compose, settles};
pub use staging_cron::CronAt;
pub use staging_keep::{Component, Kept};
pub use staging_load::{LOAD, slow_page, was_served};
pub use staging_maintenance::{FLAG, Open, WORKERS, killed_at};
pub use stand_in::{Liar, Manner};
pub use traces::Traces;
