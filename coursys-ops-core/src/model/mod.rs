//! The words of the tool as types: findings and their codes, checks as data, the report.

mod code;
mod event;
mod finding;
mod report;
mod spec;

pub use code::Code;
pub use event::{Ended, Event, Interruption, Listed, RunStart};
pub use finding::{Finding, Measurement, Status};
pub use report::{CheckReport, ExitPolicy, Fact, Report, RunInfo, SCHEMA, Summary};
pub use spec::{CheckSpec, DEFAULT_DEADLINE, Effects, Location, Tier};
