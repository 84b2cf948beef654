//! One question or deed that is no check, done with what checks have; and its mishaps as failures of a command.

use coursys_ops_core::model::Code;
pub use coursys_ops_core::run::errand::{Mishap, run};

use crate::failure::{Failure, REFUSED, USAGE};

/// A mishap as the failure of a command.
pub trait Told {
    /// A finding is `done and bad`; what the caller may not do is refused.
    fn failure(self) -> Failure;
}

impl Told for Mishap {
    fn failure(self) -> Failure {
        match self {
            Self::Found(finding) => {
                let code = match finding.code {
                    Code::NotPermitted | Code::NotInLayout => REFUSED,
                    Code::NotConfigured => USAGE,
                    _ => 1,
                };
                let subject = finding.subject.map(|subject| format!("{subject}: ")).unwrap_or_default();
                let failure = Failure::of(code, [format!("{subject}{}", finding.message)]);
                match finding.hint {
                    Some(hint) => failure.with_hint(hint),
                    None => failure,
                }
            }
            Self::Stopped(reason) => Failure::of(reason.exit_code(), ["stopped".to_owned()]),
        }
    }
}
