//! `coursys-ops email-check`: a mail by SMTP, or the way that the site's own mails go.

use std::time::{Duration, Instant};

use coursys_ops_checks::tools;
use coursys_ops_core::model::{Code, Finding, Status};
use coursys_ops_core::registry::Selection;
use coursys_ops_core::run::Cancel;
use serde::Serialize;

use crate::acting::Shape;
use crate::engine::MAIL_CHECK;
use crate::errand::{self, Mishap, Told as _};
use crate::failure::{Failure, Level, say};
use crate::global::Global;
use crate::setup::Setup;
use crate::{output, signals, terminal};

/// Whom to write to, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Who gets the mail
    address: String,
    /// Sends it as the site does, by the queue of its mails, and waits until a worker has sent it
    #[arg(long)]
    through_celery: bool,
    /// How long to wait for the worker
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "through_celery",
          value_parser = clap::value_parser!(u64).range(5..=3600))]
    patience: u64,
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Shape,
}

const EXAMPLES: &str = "\
Examples:
  coursys-ops email-check me@example.ca                   straight to the mail server, with its answer
  coursys-ops email-check me@example.ca --through-celery  as the site sends its mails: settings, queue, worker

That a server took the mail does not mean that it was delivered: look into the mailbox.

Exit codes: 0 the mail is sent, 1 it is not, 2 usage or configuration, 3 refused,
130 and 143 on SIGINT and SIGTERM.";

/// What `--format json` prints.
#[derive(Serialize)]
struct Document {
    schema: u32,
    to: String,
    /// `smtp` or `celery`; `site` when the site turned out to send its mails itself.
    way: &'static str,
    sent: bool,
    code: Code,
    /// The mail server's answer, or what went wrong.
    message: String,
    hint: Option<String>,
    /// Until the mail server had taken it, or the worker had said so.
    took_ms: f64,
}

/// A check knows its own time-out; this is beyond it.
const SMTP: Duration = Duration::from_secs(20);

/// Sends a mail.
pub fn run(args: &Args, global: &Global) -> Result<u8, Failure> {
    let setup = Setup::load(global, Some(args.address.clone()))?;
    let (_canceller, cancel) =
        signals::listen().map_err(|error| Failure::refused(format!("cannot listen to signals: {error}")))?;
    let started = Instant::now();
    let (way, outcome) = if args.through_celery {
        through_site(args, &setup, &cancel)
    } else {
        ("smtp", straight(&setup, &cancel))
    };
    let took_ms = started.elapsed().as_secs_f64() * 1000.0;
    let finding = match outcome {
        Ok(finding) => finding,
        Err(Mishap::Found(finding)) if finding.code != Code::NotPermitted => *finding,
        Err(mishap) => return Err(mishap.failure()),
    };
    let sent = finding.status == Status::Passed;
    let code = if finding.code == Code::NotConfigured { crate::failure::USAGE } else { u8::from(!sent) };
    match args.format {
        Shape::Json => {
            let Finding { code, message, hint, .. } = finding;
            let document =
                Document { schema: 1, to: args.address.clone(), way, sent, code, message, hint, took_ms };
            output::print(&(serde_json::to_string_pretty(&document).map_err(Failure::refused)? + "\n"))?;
        }
        Shape::Text if sent => {
            let text = format!("{}; it took {:.1} s", finding.message, took_ms / 1000.0);
            output::print(&(terminal::harmless(&text) + "\n"))?;
        }
        Shape::Text => {
            say(Level::Error, &finding.message);
            if let Some(hint) = &finding.hint {
                say(Level::Hint, hint);
            }
        }
    }
    Ok(code)
}

/// What the check of the mail server does when it may send a mail.
fn straight(setup: &Setup, cancel: &Cancel) -> Result<Finding, Mishap> {
    let selection = Selection { patterns: vec![MAIL_CHECK.to_owned()], tier: None };
    let none =
        || Mishap::Found(Box::new(Finding::unknown(Code::NoFinding, "the mail server was not looked at")));
    let check = setup.registry.select(&selection).ok().and_then(|checks| checks.into_iter().next());
    let check = check.ok_or_else(none)?;
    errand::run(&setup.context, "mail", SMTP, cancel, move |scope| {
        Box::pin(async move { check.look(scope).await.into_iter().next().ok_or_else(|| *found(none())) })
    })
}

fn found(mishap: Mishap) -> Box<Finding> {
    match mishap {
        Mishap::Found(finding) => finding,
        Mishap::Stopped(_) => Box::new(Finding::unknown(Code::Interrupted, "stopped")),
    }
}

fn through_site(args: &Args, setup: &Setup, cancel: &Cancel) -> (&'static str, Result<Finding, Mishap>) {
    let to = args.address.clone();
    let patience = Duration::from_secs(args.patience);
    let posted = errand::run(&setup.context, "mail", patience, cancel, move |scope| {
        Box::pin(async move { tools::post(scope, &to).await })
    });
    match posted {
        Ok(posted) if posted.by_worker => {
            let message = format!(
                "a worker sent a mail to `{}`, {:.1} s after the site had handed it over",
                args.address, posted.seconds
            );
            ("celery", Ok(Finding::passed(message)))
        }
        Ok(posted) => {
            let message = format!(
                "the site sent a mail to `{}` itself, by `{}`: no worker was needed",
                args.address, posted.backend
            );
            ("site", Ok(Finding::passed(message)))
        }
        Err(mishap) => ("celery", Err(mishap)),
    }
}
