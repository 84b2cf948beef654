//! `system.kernel-log`: the kernel ended no process for want of memory and found no file system broken.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::System;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::process::{Command, Output};
use coursys_ops_core::{Check, Scope};
use jiff::{SignedDuration, Timestamp};

use crate::garbage;
use crate::kernel_log::{Line, Trouble, of_dmesg, of_journal, trouble};
use crate::machine::{COMPONENT, read};

/// How many lines of the journal are read, the newest: more errors than this in a day say nothing new.
const LINES: u32 = 5000;

/// How many findings are told; the rest is counted.
const FINDINGS: usize = 10;

/// How much of a line is shown, in bytes.
const EXCERPT: usize = 160;

/// The check.
pub(crate) struct SystemKernelLog(CheckSpec);

impl SystemKernelLog {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("system.kernel-log", "Kernel log")
                .component(COMPONENT)
                .timeout(Duration::from_secs(5))
                .timeout_hint("the journal does not answer: see `journalctl --disk-usage` and the disk below it")
                .explanation(
                    "Reads the errors of the kernel of the last `system.kernel_log_hours` from the journal, and \
                     where there is none from the kernel's own buffer (`dmesg`), and looks for two things: \
                     processes that were ended because there was no memory left, and file systems or disks that \
                     are broken or were set read-only. Lines that hold one of the texts of \
                     `system.kernel_log_ignore` do not count. Needs root, or the groups `adm` or \
                     `systemd-journal`.\n\n\
                     Both are easily missed. A worker that was ended is replaced at once, but its task is lost; an \
                     Elasticsearch that is ended every night only looks slow in the morning. A file system that \
                     set itself read-only goes on serving what it has, until somebody hands something in.\n\n\
                     When it fails: for memory, see who was ended and `system.memory`, and give that one a limit or \
                     the machine more. For a file system, see that the last dump and the submitted files are safe \
                     elsewhere first; then `smartctl -a` of the disk, and `fsck` from a rescue system. What is over \
                     and understood goes out of sight after those hours.",
                ),
        )
    }
}

#[async_trait]
impl Check for SystemKernelLog {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        match lines(scope).await {
            Ok(lines) => judge(&lines, scope.context().clock.now(), &scope.config().system),
            Err(finding) => vec![finding],
        }
    }
}

async fn lines(scope: &Scope) -> Result<Vec<Line>, Finding> {
    let hours = scope.config().system.kernel_log_hours;
    let journal = run(scope, journalctl(hours)).await?;
    match what_came(&journal) {
        Came::Lines => return Ok(of_journal(&journal.stdout)),
        Came::NotPermitted => return Err(not_permitted()),
        Came::Nothing => {}
    }
    let uptime = read(scope, &["/proc/uptime"]).await?;
    let uptime = uptime.split_whitespace().next().and_then(|seconds| seconds.parse().ok());
    let now = scope.context().clock.now();
    let boot = uptime
        .and_then(|seconds| SignedDuration::try_from_secs_f64(seconds).ok())
        .and_then(|up| now.checked_sub(up).ok());
    let buffer = run(scope, Command::new(["dmesg", "--raw"])).await?;
    match boot {
        Some(boot) if buffer.status.success() => Ok(of_dmesg(&String::from_utf8_lossy(&buffer.stdout), boot)),
        _ if says(&buffer, "not permitted") => Err(not_permitted()),
        _ => Err(Finding::unknown(
            Code::HelperFailed,
            format!("neither the journal nor `dmesg` tell anything: {}", buffer.complaint()),
        )),
    }
}

/// Also what was written before the last start of the machine, which `--dmesg` would leave out.
fn journalctl(hours: u64) -> Command {
    Command::new([
        "journalctl".to_owned(),
        "--no-pager".to_owned(),
        "--output=json".to_owned(),
        "--output-fields=MESSAGE".to_owned(),
        "--priority=err".to_owned(),
        format!("--since=-{hours}h"),
        format!("--lines={LINES}"),
        "_TRANSPORT=kernel".to_owned(),
    ])
}

async fn run(scope: &Scope, command: Command) -> Result<Output, Finding> {
    scope.run(command).await.map_err(|error| Finding::unknown(Code::HelperFailed, error.to_string()))
}

fn says(output: &Output, text: &str) -> bool {
    String::from_utf8_lossy(&output.stderr).contains(text)
}

/// What came of asking the journal.
enum Came {
    /// Its lines, also none.
    Lines,
    /// This user may not see them.
    NotPermitted,
    /// There is no journal.
    Nothing,
}

fn what_came(journal: &Output) -> Came {
    // It succeeds too when it shows a user his own messages and not the system's.
    if says(journal, "not seeing messages") || says(journal, "insufficient permissions") {
        Came::NotPermitted
    } else if journal.status.success() && !says(journal, "No journal files") {
        Came::Lines
    } else {
        Came::Nothing
    }
}

fn not_permitted() -> Finding {
    Finding::skipped(Code::NotPermitted, "this user may not read the kernel's log")
        .with_hint("run the check with sudo, or add the user to the group `adm`")
}

/// How often something is in the log, and its last line.
struct Seen<'a> {
    times: u32,
    last: &'a Line,
}

fn judge(lines: &[Line], now: Timestamp, limits: &System) -> Vec<Finding> {
    let hours = limits.kernel_log_hours;
    let since =
        i64::try_from(hours).ok().and_then(|hours| now.checked_sub(SignedDuration::from_hours(hours)).ok());
    let fresh = |line: &&Line| match (line.at, since) {
        (Some(at), Some(since)) => at >= since,
        _ => true,
    };
    let ignored =
        |line: &&Line| limits.kernel_log_ignore.iter().any(|text| line.text.contains(text.as_str()));
    let mut found: BTreeMap<Trouble, Seen<'_>> = BTreeMap::new();
    for line in lines.iter().filter(fresh).filter(|line| !ignored(line)) {
        let Some(trouble) = trouble(&line.text) else { continue };
        let seen = found.entry(trouble).or_insert(Seen { times: 0, last: line });
        seen.times = seen.times.saturating_add(1);
        seen.last = line;
    }
    if found.is_empty() {
        return vec![Finding::passed(format!("nothing to worry about in the last {hours} h"))];
    }
    let more = found.len().saturating_sub(FINDINGS);
    let mut findings: Vec<Finding> =
        found.iter().take(FINDINGS).map(|(trouble, seen)| finding(trouble, seen)).collect();
    if more > 0 {
        findings.push(Finding::passed(format!("and {more} more, which are not listed")));
    }
    findings
}

fn finding(trouble: &Trouble, seen: &Seen<'_>) -> Finding {
    let at =
        seen.last.at.map_or_else(String::new, |at| format!(" at {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")));
    let shown = |text: &str| garbage::excerpt(text.as_bytes());
    match trouble {
        Trouble::OutOfMemory { pid, name } => Finding::failed(
            Code::OomKill,
            format!("the kernel ended the process {pid} (`{}`){at}: no memory was left", shown(name)),
            "see with `system.memory` and `ps` who has the memory; give that one a limit, or the machine more",
        )
        .about(shown(name)),
        Trouble::FileSystem { device } => {
            let line = garbage::start_of(seen.last.text.as_bytes(), EXCERPT);
            Finding::failed(
                Code::FileSystemError,
                format!("{} errors of {}, the last{at}: {line}", seen.times, shown(device)),
                "make sure that dumps and submitted files are safe elsewhere; then look at the disk (`smartctl -a`) \
                 and check the file system from a rescue system",
            )
            .about(shown(device))
            .measured(Measurement::new("errors", f64::from(seen.times), "").critical_at(1.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    const NOW: &str = "2026-11-22T20:00:00Z";

    fn line(at: &str, text: &str) -> Line {
        Line { at: at.parse().ok(), text: text.to_owned() }
    }

    fn judged(lines: &[Line]) -> Vec<(Code, Option<String>)> {
        let findings = judge(lines, NOW.parse().unwrap(), &config().system);
        findings.into_iter().map(|finding| (finding.code, finding.subject)).collect()
    }

    #[test]
    fn each_process_and_each_device_is_one_finding_and_yesterday_is_over() {
        let disk = "EXT4-fs error (device sda1): bad";
        let lines = [
            line("2026-11-21T19:59:59Z", "Killed process 1 (old) total-vm:1kB"),
            line("2026-11-22T19:00:00Z", "Killed process 2 (java) total-vm:1kB"),
            line("2026-11-22T19:00:00Z", disk),
            line("2026-11-22T19:30:00Z", disk),
            line("2026-11-22T19:30:00Z", "I/O error, dev fd0, sector 0"),
            line("2026-11-22T19:30:00Z", "all is well"),
        ];
        let java = (Code::OomKill, Some("java".to_owned()));
        assert_eq!(judged(&lines), [java, (Code::FileSystemError, Some("sda1".to_owned()))]);
        let findings = judge(&lines, NOW.parse().unwrap(), &config().system);
        assert!(findings[1].message.starts_with("2 errors of sda1, the last at 2026-11-22 19:30:00 UTC"));
        assert_eq!(judged(&lines[..1]), [(Code::Ok, None)]);
    }

    #[test]
    fn a_flood_of_victims_is_counted_and_not_listed() {
        let lines: Vec<_> =
            (0..30).map(|pid| line(NOW, &format!("Killed process {pid} (x) total-vm:1kB"))).collect();
        assert_eq!(judged(&lines).len(), FINDINGS + 1);
    }
}
