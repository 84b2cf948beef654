//! Who made which keytab: one at a time, and written to the audit log. It is no plan, so that a mistyped password leaves
//! nothing to be resumed.

use std::path::PathBuf;

use coursys_ops_core::Context;
use coursys_ops_core::config::{self, Plans};
use coursys_ops_core::ledger::{AuditEntry, AuditEvent, AuditLog, Holder, Lock, LockError};
use coursys_ops_core::model::PlanEnded;

use crate::failure::{Failure, Level, say};
use crate::global::Global;
use crate::{caller, setup, who};

/// Whether the caller is the account that the site runs as.
pub fn is_site_user(global: &Global) -> bool {
    let environment = caller::environment();
    let me = caller::caller(&environment).user;
    let sources = config::read_sources(setup::options(global), environment);
    sources.and_then(|sources| config::load(&sources)).is_ok_and(|loaded| loaded.config.site.user == Some(me))
}

/// The lock and the audit log; the site's user, who only refreshes, has neither.
pub struct Account {
    kept: Option<(Lock, AuditLog, AuditEntry)>,
}

impl Account {
    /// Takes the lock and notes who begins what.
    ///
    /// # Errors
    ///
    /// Another is at it, or it cannot be noted.
    pub fn open(context: &Context, title: &str) -> Result<Self, Failure> {
        if context.caller.uid != 0 {
            return Ok(Self { kept: None });
        }
        let plans = &context.config.plans;
        let who = who::who(&context.environment);
        let now = context.clock.now().to_string();
        let holder = Holder {
            pid: std::process::id(),
            owner: who.person.clone(),
            command: who::command(),
            since: now.clone(),
            run: None,
        };
        let lock = Lock::take(&lock_path(plans), &holder).map_err(|error| match error {
            LockError::Held(other) => {
                let by = other.map_or_else(String::new, |other| {
                    format!(" by `{}`, process {}", other.owner, other.pid)
                });
                Failure::refused(format!("another `kinit` is at work{by}"))
                    .with_hint("wait until it has ended")
            }
            LockError::System { .. } => Failure::refused(error),
        })?;
        let no_audit = |error: std::io::Error| {
            let path = plans.audit_log.display();
            Failure::refused(format!("cannot write the audit log `{path}`: {error}"))
                .with_hint("nothing was done; see `plans.audit_log`")
        };
        let group = coursys_ops_core::process::local_group(&plans.administrators);
        let mut audit = AuditLog::open(&plans.audit_log, group).map_err(no_audit)?;
        let entry = AuditEntry {
            at: now,
            who,
            command: holder.command,
            title: title.to_owned(),
            ..AuditEntry::default()
        };
        audit.append(&entry).map_err(no_audit)?;
        Ok(Self { kept: Some((lock, audit, entry)) })
    }

    /// Notes how it ended. What was done is done, so that it is no error when that fails.
    pub fn close(self, exit_code: u8) {
        let Some((_lock, mut audit, begun)) = self.kept else { return };
        let ended = match exit_code {
            0 => PlanEnded::Complete,
            1 => PlanEnded::Failed,
            _ => PlanEnded::Interrupted,
        };
        let entry = AuditEntry {
            at: jiff::Timestamp::now().to_string(),
            event: AuditEvent::Ended,
            ended: Some(ended),
            exit_code: Some(exit_code),
            ..begun
        };
        if let Err(error) = audit.append(&entry) {
            say(Level::Warning, &format!("the end is not in the audit log: {error}"));
        }
    }
}

/// Beside the lock of plans, which a login does not disturb.
fn lock_path(plans: &Plans) -> PathBuf {
    plans.lock.with_file_name("coursys-ops-kinit.lock")
}
