//! `coursys-ops kinit`: the site's ticket for the reporting database, and the keytab that it is refreshed with.

mod account;
mod password;

use std::sync::Arc;
use std::time::Duration;

use coursys_ops_checks::kerberos::{self, Login, Ticket};
use coursys_ops_core::Context;
use coursys_ops_core::model::{Code, Finding, Status};
use coursys_ops_core::registry::Selection;
use coursys_ops_core::render::escape;
use coursys_ops_core::render::plan::moment;
use coursys_ops_core::run::Cancel;
use jiff::Timestamp;
use serde::Serialize;

use self::account::Account;
use crate::acting::Shape;
use crate::errand::{self, Mishap, Told as _};
use crate::failure::{Failure, Level, say};
use crate::glance::Deployment;
use crate::global::Global;
use crate::setup::Setup;
use crate::{escalate, output, signals};

/// What to do.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The account that reads the reporting database; asked for when it is left away
    #[arg(value_name = "NAME", conflicts_with_all = ["refresh", "status"])]
    name: Option<String>,
    /// Reads the password from this descriptor instead of the terminal
    #[arg(long, value_name = "N", conflicts_with_all = ["refresh", "status"])]
    password_fd: Option<u32>,
    /// Takes a new ticket with the keytab that there is
    #[arg(long, conflicts_with = "status")]
    refresh: bool,
    /// Says until when the ticket is good, and does nothing
    #[arg(long)]
    status: bool,
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Shape,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops kinit                              asks for name and password
  coursys-ops kinit csdept --password-fd 0 < FILE
  coursys-ops kinit --refresh                    as cron does every two hours
  coursys-ops kinit --status --format json | jq .valid_until

The password never leaves this machine but by Kerberos. Keytab, name and ticket are replaced together,
when the server has taken the new key; until then the old ones stay as they are.

Exit codes: 0 the ticket is good, 1 it is not, or none was taken, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.";

/// `kinit` asks every server several times: three times that, and a moment for the files.
const TIMEOUT: Duration = Duration::from_secs(70);
const LOOK: Duration = Duration::from_secs(10);

/// The number of the shape of [`Document`].
const SCHEMA: u32 = 1;

/// What `--format json` prints.
#[derive(Serialize)]
struct Document {
    schema: u32,
    /// Whether the ticket is good now.
    good: bool,
    /// Why it is not, or what else is wrong; `ok` when nothing is.
    code: Code,
    principal: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    renewable_until: Option<String>,
    remaining_s: Option<i64>,
    cache: Option<String>,
    findings: Vec<Finding>,
}

/// Takes a ticket, or shows the one that there is.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    if args.status {
        return status(args.format, global);
    }
    // The site's user may refresh his ticket, as cron lets him; whose it is, an administrator says.
    if !args.refresh || !account::is_site_user(global) {
        // `sudo` closes every descriptor but the first three.
        let handed = match args.password_fd {
            Some(fd @ 1..) if !escalate::is_root() => Some(password::read_from(fd)?),
            _ => None,
        };
        let handed = handed.map(|secret| escalate::Handed { option: "--password-fd", secret });
        escalate::ensure_root_with(global, handed)?;
    }
    let setup = Setup::load(global, None)?;
    let context = &setup.context;
    let (canceller, cancel) =
        signals::listen().map_err(|error| Failure::refused(format!("cannot listen to signals: {error}")))?;
    drop(canceller);
    if args.refresh {
        let account = Account::open(context, "refresh the ticket of the reporting database")?;
        let taken = errand::run(context, "Kerberos ticket", TIMEOUT, &cancel, |scope| {
            Box::pin(kerberos::refresh(scope))
        });
        return finish(args.format, context, account, taken);
    }
    let name = match &args.name {
        Some(name) => name.clone(),
        None => password::name(&cancel)?,
    };
    // What cannot be right is said before anybody types a password.
    let found = |finding: Finding| Mishap::Found(Box::new(finding)).failure();
    let (_, principal) = kerberos::principal(&context.config.kerberos, &name).map_err(found)?;
    let typed = password::password(args.password_fd, &principal, &cancel)?;
    let login = Login::new(&context.config.kerberos, &name, typed).map_err(found)?;
    let account = Account::open(context, &format!("new keytab of {principal}"))?;
    let taken = errand::run(context, "Kerberos ticket", TIMEOUT, &cancel, move |scope| {
        Box::pin(async move { kerberos::make(scope, &login).await })
    });
    finish(args.format, context, account, taken)
}

/// Tidies up after what was stopped in the middle, notes the end, and tells it.
fn finish(
    format: Shape,
    context: &Arc<Context>,
    account: Account,
    taken: Result<Ticket, Mishap>,
) -> Result<u8, Failure> {
    if taken.is_err() {
        // The next one does it, should this fail.
        let _ = errand::run(context, "Kerberos", LOOK, &Cancel::never(), |scope| {
            Box::pin(async move {
                kerberos::tidy(scope).await;
                Ok(())
            })
        });
    }
    account.close(match &taken {
        Ok(_) => 0,
        Err(Mishap::Found(_)) => 1,
        Err(Mishap::Stopped(reason)) => reason.exit_code(),
    });
    match (taken, format) {
        (Ok(ticket), _) => tell(format, context, Some(ticket), Vec::new(), true),
        (Err(Mishap::Found(finding)), Shape::Json) if finding.code != Code::NotPermitted => {
            tell(format, context, None, vec![*finding], false)
        }
        (Err(mishap), _) => Err(mishap.failure()),
    }
}

/// Shows the ticket that there is.
fn status(format: Shape, global: &Global) -> Result<u8, Failure> {
    let setup = Setup::load(global, None)?;
    let deployment = Deployment::of(&setup)?;
    let selection = Selection { patterns: vec!["kerberos.ticket".to_owned()], tier: None };
    let checks = deployment.registry.select(&selection).map_err(Failure::usage)?;
    let seen = deployment.look(checks, true, &Cancel::never());
    let check = seen.report.checks.into_iter().find(|check| check.id == "kerberos.ticket");
    let findings = check.map(|check| check.findings).unwrap_or_default();
    if let Some(finding) =
        findings.iter().find(|finding| finding.code == Code::NotPermitted && finding.subject.is_none())
    {
        return Err(Mishap::Found(Box::new(finding.clone())).failure());
    }
    let context = &setup.context;
    let ticket = errand::run(context, "Kerberos ticket", LOOK, &Cancel::never(), |scope| {
        Box::pin(kerberos::current(scope))
    });
    let good = !matches!(Status::of(&findings), Status::Failed | Status::Unknown);
    tell(format, context, ticket.ok(), findings, good)
}

fn tell(
    format: Shape,
    context: &Context,
    ticket: Option<Ticket>,
    findings: Vec<Finding>,
    good: bool,
) -> Result<u8, Failure> {
    let now = context.clock.now().as_second();
    match format {
        Shape::Json => {
            // The first of those that are as bad.
            let worst = findings.iter().rev().max_by_key(|finding| finding.status);
            let document = Document {
                schema: SCHEMA,
                good,
                code: worst
                    .filter(|finding| finding.status > Status::Passed)
                    .map_or(Code::Ok, |finding| finding.code),
                principal: ticket.as_ref().map(|ticket| ticket.principal.clone()),
                valid_from: ticket.as_ref().map(|ticket| time(ticket.starts)),
                valid_until: ticket.as_ref().map(|ticket| time(ticket.ends)),
                renewable_until: ticket.as_ref().and_then(|ticket| ticket.renewable_until.map(time)),
                remaining_s: ticket.as_ref().map(|ticket| ticket.ends - now),
                cache: ticket.as_ref().map(|ticket| ticket.cache.display().to_string()),
                findings,
            };
            output::print(&(serde_json::to_string_pretty(&document).map_err(Failure::refused)? + "\n"))?;
        }
        Shape::Text => {
            if let Some(ticket) = &ticket {
                output::print(&text(ticket, now))?;
            }
            for finding in findings.iter().filter(|finding| finding.status > Status::Passed) {
                let level = if finding.status == Status::Warning { Level::Warning } else { Level::Error };
                let subject =
                    finding.subject.as_ref().map(|subject| format!("{subject}: ")).unwrap_or_default();
                say(level, &format!("{subject}{}", finding.message));
                if let Some(hint) = &finding.hint {
                    say(Level::Hint, hint);
                }
            }
        }
    }
    Ok(u8::from(!good))
}

fn text(ticket: &Ticket, now: i64) -> String {
    let left = ticket.ends - now;
    let span = kerberos::span(left.abs());
    let when = moment(&time(ticket.ends));
    let principal = escape::line(&ticket.principal);
    if left > 0 {
        format!("the ticket of {principal} is good until {when}, for {span} more\n")
    } else {
        format!("the ticket of {principal} ran out at {when}, {span} ago\n")
    }
}

/// RFC 3339, UTC.
fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}
