//! The words of the tool as types: findings and their codes, checks as data, the report.

mod code;
mod deed;
mod event;
mod finding;
mod plan_report;
mod report;
mod spec;

pub use code::Code;
pub use deed::{
    CourseKind, ListedStep, OutputStream, Phase, PlanEnded, PlanStart, StepCode, StepEnd, StepState, Who,
};
pub use event::{Ended, Event, Interruption, Listed, RunStart};
pub use finding::{Finding, Measurement, Status};
pub use plan_report::{PLAN_REPORT_SCHEMA, PlanReport, PlanRun, StepReport};
pub use report::{CheckReport, ExitPolicy, Fact, Report, RunInfo, SCHEMA, Summary};
pub use spec::{CheckSpec, DEFAULT_DEADLINE, Effects, Location, Tier};
