//! Kind `process`: processes run, in the right number.

use coursys_ops_core::Scope;
use coursys_ops_core::config::OwnProcess;
use coursys_ops_core::helper::Seen;
use coursys_ops_core::model::{Code, Finding, Measurement};

use super::judge::{Looked, no_helper};
use super::text;

/// The kernel keeps so many bytes of a process's name.
const NAME: usize = 15;

pub(super) async fn look(scope: &Scope, wanted: &OwnProcess) -> Looked {
    let uid = match &wanted.user {
        Some(name) => Some(text::uid(scope, name).await?),
        None => None,
    };
    let everybody = scope.everybody().await.map_err(|error| no_helper(&error))?;
    let everybody = everybody.as_ref().as_ref().map_err(|refusal| {
        Finding::unknown(Code::HelperFailed, format!("cannot read /proc: {}", refusal.message))
    })?;
    let count = everybody.iter().filter(|process| is_meant(process, wanted, uid)).count();
    Ok(vec![judge(wanted, u64::try_from(count).unwrap_or(u64::MAX))])
}

fn is_meant(process: &Seen, wanted: &OwnProcess, uid: Option<u32>) -> bool {
    let named = |name: &String| {
        let known = name.as_bytes().get(..NAME).unwrap_or(name.as_bytes());
        process.name.as_bytes() == known
    };
    uid.is_none_or(|uid| process.uid == uid)
        && wanted.name.as_ref().is_none_or(named)
        && wanted.command.as_ref().is_none_or(|pattern| {
            // Our own arguments may hold the very words that are looked for.
            process.pid != std::process::id() && pattern.is_match(process.command.as_bytes())
        })
}

fn judge(wanted: &OwnProcess, count: u64) -> Finding {
    let what = text::processes(wanted);
    let message = match count {
        0 => format!("no process {what} runs"),
        1 => format!("1 process {what} runs"),
        count => format!("{count} processes {what} run"),
    };
    let few = "start it: look at its unit and its log to see why it ended";
    let many =
        "find out who started them: an old one that was never stopped, a loop, or a fork that does not end";
    let finding = if count < wanted.min {
        let code = if count == 0 { Code::NotRunning } else { Code::TooFew };
        Finding::failed(code, format!("{message}, at least {} should", wanted.min), few)
    } else if let Some(most) = wanted.max.filter(|most| count > *most) {
        let code = if most == 0 { Code::Unwanted } else { Code::TooMany };
        Finding::failed(code, format!("{message}, at most {most} should"), many)
    } else if let Some(least) = wanted.warn_min.filter(|least| count < *least) {
        Finding::warning(Code::TooFew, format!("{message}, at least {least} should"), few)
    } else if let Some(most) = wanted.warn_max.filter(|most| count > *most) {
        Finding::warning(Code::TooMany, format!("{message}, at most {most} should"), many)
    } else {
        Finding::passed(message)
    };
    #[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 processes")]
    finding.measured(Measurement::new("processes", count as f64, ""))
}

#[cfg(test)]
mod tests {
    use coursys_ops_core::config::Pattern;

    use super::*;

    fn wanted() -> OwnProcess {
        OwnProcess {
            name: Some("a-name-longer-than-that".to_owned()),
            command: None,
            user: None,
            min: 2,
            max: Some(5),
            warn_min: Some(3),
            warn_max: Some(4),
        }
    }

    #[test]
    fn each_number_has_its_verdict() {
        let code = |count| judge(&wanted(), count).code;
        assert_eq!(
            [0, 1, 2, 3, 4, 5].map(code),
            [Code::NotRunning, Code::TooFew, Code::TooFew, Code::Ok, Code::Ok, Code::TooMany]
        );
        assert_eq!(judge(&wanted(), 6).status, coursys_ops_core::model::Status::Failed);
        let none = OwnProcess { min: 0, max: Some(0), warn_min: None, warn_max: None, ..wanted() };
        assert_eq!((judge(&none, 0).code, judge(&none, 1).code), (Code::Ok, Code::Unwanted));
    }

    #[test]
    fn a_name_is_compared_as_far_as_the_kernel_keeps_it() {
        let process =
            Seen { pid: 1, uid: 7, name: "a-name-longer-t".to_owned(), command: "x y z".to_owned() };
        assert!(is_meant(&process, &wanted(), None) && is_meant(&process, &wanted(), Some(7)));
        assert!(!is_meant(&process, &wanted(), Some(8)));
        let command = OwnProcess { name: None, command: Some(Pattern::new("x y$").unwrap()), ..wanted() };
        assert!(!is_meant(&process, &command, None));
    }
}
