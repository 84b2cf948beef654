//! One command that acts, from taking the lock to the report.

use std::time::{Duration, Instant};

use coursys_ops_core::config::Plans;
use coursys_ops_core::ledger::{
    AuditEntry, AuditEvent, AuditLog, Holder, Journal, Ledger, LedgerError, Lock, LockError, Past,
};
use coursys_ops_core::model::{CourseKind, PlanReport, PlanStart, StepState, Who};
use coursys_ops_core::plan::Plan;
use coursys_ops_core::render::plan as render;
use coursys_ops_core::run::{Job, PlanFold, Stops, Turn, carry_out_blocking, course};
use coursys_ops_core::{Context, render::escape};

use super::options::{Options, Shape, Waiting};
use super::show::Show;
use crate::failure::{Failure, Level, say};
use crate::global::Global;
use crate::setup::Setup;
use crate::{built_ins, escalate, output, signals, who};

/// How often one looks whether the lock is free.
const GLANCE: Duration = Duration::from_millis(100);

/// A command that holds the lock.
pub struct Session {
    setup: Setup,
    lock: Lock,
    holder: Holder,
    who: Who,
    stops: Stops,
    ledger: Ledger,
    format: Shape,
    quiet: bool,
}

impl Session {
    /// Gets root's rights and the lock.
    ///
    /// # Errors
    ///
    /// No right, or another plan acts.
    pub fn open(global: &Global, options: &Options) -> Result<Self, Failure> {
        Self::to_go_on(global, &options.waiting, options.format)
    }

    /// The same for commands that go on with a plan.
    ///
    /// # Errors
    ///
    /// As those of [`Self::open`].
    pub fn to_go_on(global: &Global, waiting: &Waiting, format: Shape) -> Result<Self, Failure> {
        escalate::ensure_root(global)?;
        let setup = Setup::load(global, None)?;
        let stops = signals::listen_for_plan()
            .map_err(|error| Failure::refused(format!("cannot listen to signals: {error}")))?;
        let who = who::who(&setup.context.environment);
        let holder = Holder {
            pid: std::process::id(),
            owner: who.person.clone(),
            command: who::command(),
            since: setup.context.clock.now().to_string(),
            run: None,
        };
        let plans = &setup.context.config.plans;
        let lock = take(plans, &holder, waiting.wait, &stops)?;
        let ledger = Ledger::new(&plans.state_dir, plans.keep_runs);
        Ok(Self { lock, holder, who, stops, ledger, format, quiet: global.quiet, setup })
    }

    /// What the command works with.
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The runs there are.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The last plan when it is unfinished and the next one `completes` it.
    ///
    /// # Errors
    ///
    /// It is another, so that nothing may begin, or that cannot be told.
    pub fn unfinished(&self, completes: impl FnOnce(&Past) -> bool) -> Result<Option<Past>, Failure> {
        match self.ledger.last().map_err(unusable)? {
            Some(past) if past.is_open() && completes(&past) => Ok(Some(past)),
            Some(past) if past.is_open() => Err(unfinished(&past)),
            Some(_) | None => Ok(None),
        }
    }

    /// Gives up an unfinished plan, because the next one completes it.
    ///
    /// # Errors
    ///
    /// That cannot be written down.
    pub fn give_up(&mut self, past: Past) -> Result<(), Failure> {
        let plan = past.plan.clone().unwrap_or_else(|_| Plan::new(past.report().run.start.title));
        let journal = self.ledger.reopen(&past.id).map_err(unusable)?;
        self.go(CourseKind::Abandon, plan, Vec::new(), journal, Some(past.fold)).map(drop)
    }

    /// Refuses a plan that cannot be carried out.
    ///
    /// # Errors
    ///
    /// Its first problem.
    pub fn judge(&self, plan: &Plan) -> Result<(), Failure> {
        built_ins::means(&self.setup).judge(plan).map_err(|problem| {
            Failure::refused(format!("the plan cannot be carried out: {problem}"))
                .with_hint("this is a bug of coursys-ops, unless another version of it made the plan")
        })
    }

    /// Begins the journal of a new run.
    ///
    /// # Errors
    ///
    /// It cannot be written: nothing is done then.
    pub fn begin(&self, plan: &Plan) -> Result<Journal, Failure> {
        self.ledger.begin(plan, self.context().clock.now()).map_err(unusable)
    }

    /// Tells that there is nothing to do.
    ///
    /// # Errors
    ///
    /// It cannot be printed.
    pub fn nothing_to_do(&self, plan: Plan) -> Result<u8, Failure> {
        let start = PlanStart { title: plan.title.clone(), ..self.start(CourseKind::Begin, plan.title) };
        let mut fold = PlanFold::default();
        fold.push(&coursys_ops_core::model::Event::PlanStarted { run: start, steps: Vec::new() });
        fold.push(&coursys_ops_core::model::Event::PlanEnded {
            ended: coursys_ops_core::model::PlanEnded::Complete,
            interruption: None,
            duration_ms: 0.0,
            abandoned: 0,
        });
        let report = fold.report();
        match self.format {
            Shape::Text if self.quiet => {}
            Shape::Text => {
                let title = escape::line(&report.run.start.title);
                output::print(&format!("{title}: nothing to do\n")).map(drop)?;
            }
            Shape::Json => self.deliver(&report)?,
        }
        Ok(0)
    }

    /// Goes at a plan, with what earlier goes did, and returns the exit code.
    ///
    /// # Errors
    ///
    /// The audit log cannot be written: nothing is done then.
    pub fn carry_out(
        mut self,
        course: CourseKind,
        plan: Plan,
        turns: Vec<Turn>,
        journal: Journal,
        past: Option<PlanFold>,
    ) -> Result<u8, Failure> {
        let report = self.go(course, plan.clone(), turns, journal, past)?;
        self.tell(&report, &plan)?;
        Ok(report.run.exit_code)
    }

    fn go(
        &mut self,
        course: CourseKind,
        plan: Plan,
        turns: Vec<Turn>,
        journal: Journal,
        past: Option<PlanFold>,
    ) -> Result<PlanReport, Failure> {
        let mut start = self.start(course, plan.title.clone());
        journal.id().clone_into(&mut start.id);
        start.log = Some(journal.log_path().display().to_string());
        self.holder.run = Some(start.id.clone());
        self.lock
            .note(&self.holder)
            .map_err(|error| Failure::refused(format!("cannot write the lock: {error}")))?;
        let ids = turns.iter().filter_map(|turn| Some(plan.steps.get(turn.step)?.id.clone())).collect();
        let mut audit = self.audit()?;
        let begun = self.entry(AuditEvent::Begun, &start, ids);
        audit.append(&begun).map_err(|error| no_audit(self.plans(), &error))?;
        let means = built_ins::means(&self.setup);
        let mut show = Show::new(self.quiet || self.format == Shape::Json, &turns);
        let job = Job { start: start.clone(), plan, turns };
        let fold = past.unwrap_or_default();
        let report = carry_out_blocking(job, &means, &self.stops, Box::new(journal), fold, &mut show);
        show.leave();
        self.note_end(&mut audit, &start, &report);
        Ok(report)
    }

    /// Writes the end to the audit log. What was done is done, so that it is no error when that fails.
    fn note_end(&self, audit: &mut AuditLog, start: &PlanStart, report: &PlanReport) {
        let begun = report.steps.iter().filter(|step| step.end.state != StepState::Pending);
        let mut entry = self.entry(AuditEvent::Ended, start, begun.map(|step| step.id.clone()).collect());
        entry.ended = Some(report.run.ended);
        entry.stopped_at.clone_from(&report.stopped_at);
        entry.exit_code = Some(report.run.exit_code);
        if let Err(error) = audit.append(&entry) {
            let path = self.plans().audit_log.display();
            say(Level::Warning, &format!("the end is not in `{path}`: {error}"));
        }
    }

    fn tell(&self, report: &PlanReport, plan: &Plan) -> Result<(), Failure> {
        match self.format {
            Shape::Json => self.deliver(report)?,
            Shape::Text if self.quiet && report.run.exit_code == 0 => {}
            Shape::Text => drop(output::print(&render::outcome(report))?),
        }
        if report.is_open() {
            say(Level::Hint, &what_next(report, Some(plan)));
        }
        Ok(())
    }

    fn deliver(&self, report: &PlanReport) -> Result<(), Failure> {
        output::print(&render::json(report).map_err(Failure::refused)?).map(drop)
    }

    fn start(&self, course: CourseKind, title: String) -> PlanStart {
        let context = self.context();
        PlanStart {
            id: String::new(),
            title,
            course,
            started_at: context.clock.now().to_string(),
            host: context.caller.host.clone(),
            who: self.who.clone(),
            command: self.holder.command.clone(),
            layout: context.config.site.layout.clone(),
            version: context.version.clone(),
            log: None,
        }
    }

    fn entry(&self, event: AuditEvent, start: &PlanStart, steps: Vec<String>) -> AuditEntry {
        AuditEntry {
            at: self.context().clock.now().to_string(),
            event,
            who: start.who.clone(),
            command: start.command.clone(),
            run: start.id.clone(),
            title: start.title.clone(),
            course: start.course,
            steps,
            ..AuditEntry::default()
        }
    }

    fn audit(&self) -> Result<AuditLog, Failure> {
        let plans = self.plans();
        let group = coursys_ops_core::process::local_group(&plans.administrators);
        if group.is_none() {
            let name = &plans.administrators;
            say(Level::Warning, &format!("plans.administrators: this machine has no group `{name}`"));
        }
        AuditLog::open(&plans.audit_log, group).map_err(|error| no_audit(plans, &error))
    }

    fn context(&self) -> &Context {
        &self.setup.context
    }

    fn plans(&self) -> &Plans {
        &self.setup.context.config.plans
    }
}

/// Takes the lock, and waits for it when that is wanted.
fn take(plans: &Plans, holder: &Holder, wait: Option<Duration>, stops: &Stops) -> Result<Lock, Failure> {
    let until = wait.map(|wait| Instant::now() + wait);
    let mut told = false;
    loop {
        let other = match Lock::take(&plans.lock, holder) {
            Ok(lock) => return Ok(lock),
            Err(LockError::Held(other)) => other,
            Err(error) => return Err(Failure::refused(error)),
        };
        let held = other.map_or_else(|| "another plan is being carried out".to_owned(), |other| said(&other));
        if let Some(reason) = stops.soon.reason() {
            return Err(Failure::of(reason.exit_code(), ["stopped while it waited".to_owned()]));
        }
        if until.is_none_or(|until| Instant::now() >= until) {
            return Err(Failure::refused(held).with_hint("wait until it has ended: `--wait` does"));
        }
        if !told {
            say(Level::Hint, &format!("waiting: {held}"));
            told = true;
        }
        std::thread::sleep(GLANCE);
    }
}

/// Who acts, in a sentence.
fn said(holder: &Holder) -> String {
    let run = holder.run.as_ref().map_or_else(String::new, |run| format!(", run {run}"));
    format!(
        "another plan is being carried out: by `{}` since {}, `{}` (process {}{run})",
        holder.owner,
        render::moment(&holder.since),
        holder.command.join(" "),
        holder.pid
    )
}

fn no_audit(plans: &Plans, error: &std::io::Error) -> Failure {
    Failure::refused(format!("cannot write the audit log `{}`: {error}", plans.audit_log.display()))
        .with_hint("nothing was done; nothing is done that is not written down")
}

/// The ledger is not to be used.
pub fn unusable(error: LedgerError) -> Failure {
    let hint = match &error {
        LedgerError::NoSuchRun(_) => "`coursys-ops history` lists the runs",
        LedgerError::System { .. } => "nothing was done; see `plans.state_dir`",
    };
    Failure::refused(error).with_hint(hint)
}

/// The last run, which somebody goes on with or gives up.
///
/// # Errors
///
/// There is none, it is another than the one that is meant, or nothing is left to be done.
pub fn last_open(ledger: &Ledger, run: Option<&str>) -> Result<Past, Failure> {
    let last = ledger.last().map_err(unusable)?;
    let Some(past) = last else { return Err(Failure::refused("no plan was carried out yet")) };
    if let Some(run) = run.filter(|run| **run != *past.id) {
        ledger.read(run).map_err(unusable)?;
        return Err(Failure::refused(format!("run {run} is not the last one"))
            .with_hint(format!("only the last run can be unfinished, and that is {}", past.id)));
    }
    if !past.is_open() {
        let ended = past.report().run.ended.as_str();
        return Err(Failure::refused(format!("run {} is not unfinished: it is `{ended}`", past.id)));
    }
    Ok(past)
}

/// A plan is unfinished, so that no other may begin.
fn unfinished(past: &Past) -> Failure {
    let report = past.report();
    let start = &report.run.start;
    let at = report.stopped_at.as_ref().map_or_else(String::new, |step| format!(" at step `{step}`"));
    let message = format!(
        "an earlier plan is unfinished: `{}`, run {}, by `{}`, stopped{at}",
        start.title, start.id, start.who.person
    );
    Failure::refused(message).with_hint(what_next(&report, past.plan.as_ref().ok()))
}

/// What to do about an unfinished plan.
fn what_next(report: &PlanReport, plan: Option<&Plan>) -> String {
    if report.run.start.course == CourseKind::Undo {
        return "mend the cause, then `coursys-ops abandon --undo` goes on taking it back; `coursys-ops abandon` leaves \
                it as it is"
            .to_owned();
    }
    let goes_back = plan.is_some_and(|plan| !course::undo(plan, &report.steps).is_empty());
    let back = if goes_back { ", with `--undo` it takes back what was done" } else { "" };
    format!("mend the cause, then `coursys-ops resume` goes on; `coursys-ops abandon` gives it up{back}")
}
