//! `system.updates`: security updates are installed, and the machine was restarted for those that want it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::System;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement, Tier};
use coursys_ops_core::process::{Command, Output};
use coursys_ops_core::{Check, Scope};

use crate::machine::COMPONENT;
use crate::{apt, dnf};

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// What is left of the timeout when it stops waiting: the verdict is the check's own.
const MARGIN: Duration = Duration::from_millis(500);

/// How many names a message has.
const NAMES: usize = 5;

/// Debian's and Ubuntu's file that is there when the machine should be restarted, and the one that says for whom.
const REBOOT: &str = "/run/reboot-required";
const REBOOT_FOR: &str = "/run/reboot-required.pkgs";

/// The check.
pub(crate) struct SystemUpdates(CheckSpec);

impl SystemUpdates {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("system.updates", "Security updates")
                .tier(Tier::Slow)
                .component(COMPONENT)
                .timeout(Duration::from_secs(14))
                .interval(Duration::from_secs(3600))
                .timeout_hint("apt or dnf hang: see whether another one of them runs (`ps -C apt-get,dpkg,dnf`)")
                .explanation(
                    "Lets apt pretend to install everything newer (`apt-get --simulate dist-upgrade`), as the \
                     site's user where it may, and counts what comes from an archive for security; with dnf it \
                     counts what its advisories about security name. Nothing is fetched, locked or written: what \
                     the machine knows counts, and lists that are older than `system.updates_list_days` are a \
                     warning of their own, because old lists know of nothing new. Further it looks whether updates \
                     ask for a restart of the machine (`/run/reboot-required`, `dnf needs-restarting`) that waits \
                     for longer than `system.reboot_grace_days`.\n\n\
                     Nothing of this stops the site, so all of it is a warning. But the site holds grades, and \
                     what was published weeks ago is tried by everybody. A library that was replaced counts only \
                     when whoever uses it was started again, the kernel only after a restart.\n\n\
                     When it warns: `apt-get update && apt-get upgrade` (or `dnf upgrade --security`), best within \
                     a maintenance window, because MariaDB's client, Docker or nginx may be among it. \
                     `unattended-upgrades` does it by itself every night; then see its log why it does not. Packages \
                     on hold (`apt-mark showhold`) are not counted.",
                ),
        )
    }
}

#[async_trait]
impl Check for SystemUpdates {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let patience = scope.remaining().saturating_sub(MARGIN);
        let looked = tokio::time::timeout(patience, updates(scope)).await;
        looked.unwrap_or_else(|_| Err(too_slow())).unwrap_or_else(|finding| vec![finding])
    }
}

/// Nothing of this stops the site, so neither does a machine that is too busy to tell.
fn too_slow() -> Finding {
    Finding::warning(
        Code::Timeout,
        "the package manager did not tell in time which updates wait",
        "see whether another one runs (`ps -C apt-get,dpkg,dnf`) and what keeps the machine busy (`system.load`)",
    )
}

/// Which programs manage packages here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
}

async fn updates(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    let times = times(scope).await?;
    let limits = &scope.config().system;
    // Where both are, apt's packages are those of the machine.
    let manager = match (times.contains_key(apt::PROGRAM), times.contains_key(dnf::PROGRAM)) {
        (true, _) => Manager::Apt,
        (false, true) => Manager::Dnf,
        (false, false) => {
            let message = "neither apt nor dnf manages the packages of this machine";
            return Err(Finding::skipped(Code::NotInLayout, message));
        }
    };
    let stamps: &[&str] = if manager == Manager::Apt { &apt::STAMPS } else { &dnf::STAMPS };
    let fetched = stamps.iter().filter_map(|stamp| times.get(*stamp)).copied().reduce(f64::max);
    let now = scope.context().clock.now().as_duration().as_secs_f64();
    let pending = match manager {
        Manager::Apt => of_apt(scope).await?,
        Manager::Dnf => of_dnf(scope).await?,
    };
    let restart = match manager {
        Manager::Apt => waiting_restart(scope, &times, now).await?,
        Manager::Dnf => {
            let output = run(scope, dnf::needs_restarting()).await?;
            let wanted =
                output.status.code() == Some(dnf::SHOULD_RESTART) && output.stderr.trim_ascii().is_empty();
            wanted.then_some(Restart { days: None, packages: Vec::new() })
        }
    };
    Ok(vec![
        pending.map_or_else(
            |complaint| unusable(manager, &complaint),
            |packages| waiting(manager, &packages, limits),
        ),
        age(manager, fetched.map(|fetched| (now - fetched) / DAY), limits),
        restarting(restart.as_ref(), limits),
    ])
}

/// When each of the files was changed that are there, in seconds since 1970.
async fn times(scope: &Scope) -> Result<BTreeMap<String, f64>, Finding> {
    let mut argv = vec!["stat", "--format=%Y %n", apt::PROGRAM, dnf::PROGRAM, REBOOT];
    argv.extend(apt::STAMPS.iter().chain(&dnf::STAMPS));
    // It fails because some of them are missing.
    Ok(stamps(&String::from_utf8_lossy(&run(scope, Command::new(argv)).await?.stdout)))
}

fn stamps(printed: &str) -> BTreeMap<String, f64> {
    let stamp = |line: &str| {
        let (seconds, path) = line.split_once(' ')?;
        let seconds: i32 = seconds.parse::<i64>().ok()?.try_into().unwrap_or(i32::MAX);
        Some((path.to_owned(), f64::from(seconds)))
    };
    printed.lines().filter_map(stamp).collect()
}

async fn run(scope: &Scope, command: Command) -> Result<Output, Finding> {
    scope.run(command).await.map_err(|error| Finding::unknown(Code::HelperFailed, error.to_string()))
}

/// The packages that wait, or what apt complains about.
async fn of_apt(scope: &Scope) -> Result<Result<Vec<String>, String>, Finding> {
    let is_root = scope.context().caller.uid == 0;
    // That there is no such user is for others to say.
    let user = scope.site_user().await.ok().flatten();
    if is_root && user.is_some() {
        let output = run(scope, apt::pretend(false).user(user)).await?;
        if output.status.success() {
            return Ok(Ok(apt::security_updates(&String::from_utf8_lossy(&output.stdout))));
        }
        // Archives with passwords are root's.
    }
    let output = run(scope, apt::pretend(is_root)).await?;
    if output.status.success() {
        Ok(Ok(apt::security_updates(&String::from_utf8_lossy(&output.stdout))))
    } else {
        Ok(Err(output.complaint()))
    }
}

async fn of_dnf(scope: &Scope) -> Result<Result<Vec<String>, String>, Finding> {
    let output = run(scope, dnf::advisories()).await?;
    if output.status.success() {
        Ok(Ok(dnf::security_updates(&String::from_utf8_lossy(&output.stdout))))
    } else {
        Ok(Err(output.complaint()))
    }
}

/// A restart that updates ask for.
#[derive(Debug, Clone, PartialEq)]
struct Restart {
    /// For how long.
    days: Option<f64>,
    /// Which of them.
    packages: Vec<String>,
}

async fn waiting_restart(
    scope: &Scope,
    times: &BTreeMap<String, f64>,
    now: f64,
) -> Result<Option<Restart>, Finding> {
    let Some(since) = times.get(REBOOT) else { return Ok(None) };
    // It may be missing.
    let output = run(scope, Command::new(["cat", REBOOT_FOR])).await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut packages: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    packages.retain(|package| !package.is_empty());
    packages.sort();
    packages.dedup();
    Ok(Some(Restart { days: Some(((now - since) / DAY).max(0.0)), packages }))
}

#[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 packages")]
const fn count(number: usize) -> f64 {
    number as f64
}

fn waiting(manager: Manager, packages: &[String], limits: &System) -> Finding {
    let install = match manager {
        Manager::Apt => "`apt-get update && apt-get upgrade`",
        Manager::Dnf => "`dnf upgrade --security`",
    };
    #[allow(clippy::cast_precision_loss, reason = "a threshold, nowhere near 2^53")]
    let most = limits.updates_max as f64;
    let found = count(packages.len());
    let finding = if packages.is_empty() {
        Finding::passed("no security updates wait")
    } else {
        let message = format!("{} security updates wait: {}", packages.len(), names(packages));
        if found > most {
            Finding::warning(Code::UpdatesPending, message, format!("install them with {install}"))
        } else {
            Finding::passed(message)
        }
    };
    finding.about("updates").measured(Measurement::new("security_updates", found, "").warning_at(most + 1.0))
}

/// The first of them, and how many more.
fn names(packages: &[String]) -> String {
    let shown: Vec<String> =
        packages.iter().take(NAMES).map(|name| crate::garbage::excerpt(name.as_bytes())).collect();
    let more = packages.len().saturating_sub(NAMES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn unusable(manager: Manager, complaint: &str) -> Finding {
    let (name, mend) = match manager {
        Manager::Apt => ("apt", "`apt-get check`, and then `apt-get --fix-broken install`"),
        Manager::Dnf => ("dnf", "`dnf makecache` as root"),
    };
    let complaint = crate::garbage::start_of(complaint.as_bytes(), 200);
    Finding::warning(
        Code::HelperFailed,
        format!("{name} cannot tell which updates wait: {complaint}"),
        format!("see what it says to {mend}"),
    )
    .about("updates")
}

/// How old the lists are that updates are looked for in.
fn age(manager: Manager, days: Option<f64>, limits: &System) -> Finding {
    let fetch = match manager {
        Manager::Apt => {
            "run `apt-get update`, and see why nothing does it every day (`systemctl status apt-daily.timer`)"
        }
        Manager::Dnf => {
            "run `dnf makecache`, and see why nothing does it (`systemctl status dnf-makecache.timer`)"
        }
    };
    #[allow(clippy::cast_precision_loss, reason = "a threshold, nowhere near 2^53")]
    let oldest = limits.updates_list_days as f64;
    let finding = match days {
        None => Finding::warning(Code::Stale, "the lists of packages were never fetched", fetch),
        Some(days) if days > oldest => {
            Finding::warning(Code::Stale, format!("the lists of packages are {days:.0} days old"), fetch)
        }
        Some(days) => Finding::passed(format!("the lists of packages are {:.1} days old", days.max(0.0))),
    };
    let finding = finding.about("package lists");
    match days {
        Some(days) => finding
            .measured(Measurement::new("lists_age", (days * DAY).max(0.0), "s").warning_at(oldest * DAY)),
        None => finding,
    }
}

fn restarting(restart: Option<&Restart>, limits: &System) -> Finding {
    let Some(Restart { days, packages }) = restart else {
        return Finding::passed("no restart of the machine is wanted").about("restart");
    };
    #[allow(clippy::cast_precision_loss, reason = "a threshold, nowhere near 2^53")]
    let grace = limits.reboot_grace_days as f64;
    let whose = if packages.is_empty() { String::new() } else { format!(" for {}", names(packages)) };
    let since = days.map_or_else(String::new, |days| format!(" since {days:.1} days"));
    let message = format!("updates want the machine to be restarted{since}{whose}");
    let finding = if days.is_some_and(|days| days < grace) {
        Finding::passed(message)
    } else {
        Finding::warning(Code::RebootRequired, message, "restart the machine in the next maintenance window")
    };
    finding.about("restart")
}

#[cfg(test)]
#[path = "system_updates_tests.rs"]
mod tests;
