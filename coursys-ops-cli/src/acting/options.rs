//! What every acting command can be told.

use std::time::Duration;

use coursys_ops_core::plan::Plan;

use crate::failure::Failure;

/// Options of every command that acts.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Prints the plan and does nothing
    #[arg(long, help_heading = HEADING)]
    pub dry_run: bool,
    #[command(flatten)]
    pub(super) waiting: Waiting,
    /// The form of what is printed at the end, or of the plan
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = HEADING)]
    pub format: Shape,
}

/// What commands can be told that go on with a plan: `resume` and `abandon`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Waiting {
    /// Waits until another plan has ended, for ever or this many seconds, instead of refusing
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "31536000",
        value_parser = seconds,
        help_heading = HEADING
    )]
    pub(super) wait: Option<Duration>,
}

const HEADING: &str = "Acting";

/// The forms in which plans and their reports are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// For people
    #[default]
    Text,
    /// For programs: one document
    Json,
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse::<u32>()
        .map(|seconds| Duration::from_secs(seconds.into()))
        .map_err(|_| "expected a whole number of seconds".to_owned())
}

/// Whether a plan may lose something, as the command was told.
#[derive(Debug, Clone, Copy)]
pub enum Losses {
    /// It may.
    Allowed,
    /// It may not; this option would allow it, such as `--lose-messages`.
    Refused(&'static str),
}

impl Losses {
    /// Refuses a plan that would lose something without having been told that it may.
    pub(super) fn judge(self, plan: &Plan) -> Result<(), Failure> {
        let Self::Refused(option) = self else { return Ok(()) };
        let losses: Vec<String> = plan.losses().map(|what| format!("this would lose {what}")).collect();
        if losses.is_empty() {
            return Ok(());
        }
        Err(Failure::of(crate::failure::REFUSED, losses)
            .with_hint(format!("`--dry-run` shows the plan; `{option}` carries it out all the same")))
    }
}
