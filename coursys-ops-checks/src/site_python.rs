//! `site.python`: the site's Python imports its settings, and Django's own checks pass.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::{Config, Site, harmless, site_complaint};
use coursys_ops_core::import::{self, Answer, Imported};
use coursys_ops_core::model::{CheckSpec, Code, Finding, Tier};
use coursys_ops_core::process::Output;
use coursys_ops_core::{Check, Scope};
use serde::Deserialize;

use crate::site_container::needs_site;
use crate::site_shell::{site_failed, tell_site};
use crate::traceback::Traceback;

/// The check's id, for those that need it.
pub(crate) const ID: &str = "site.python";

/// What runs in the site's Python, between the functions of [`import::SETTINGS`] and the answer.
const PROGRAM: &str = include_str!("site_python.py");

/// More complaints than this are counted only.
const MOST: usize = 20;

/// From this level on a complaint of Django is an error, and from that on a warning; below are notes.
const ERROR: u32 = 40;
const WARNING: u32 = 30;

const EXPLANATION: &str = "\
Starts the site's Python as the site's user (`site.python manage.py shell`), which imports the settings and every \
installed app, and runs Django's system checks as `manage.py check` does, without those that ask a database or are for \
deployments only. Nothing is written, not even compiled files.

A server goes on running the code that it has read, so settings that no longer import, an app whose package is missing or \
two models with one name show only at the next restart, when nothing starts any more. It takes seconds, because all of \
Django is imported: hence tier `slow`.

When it fails: `site_failed` names the exception, the module that is missing among them, and the line of the site's code \
that raised it; install what `requirements.txt` says into the environment of `site.python`, or mend the settings. \
`system_check` is a complaint of Django itself, with its id, which Django's documentation explains. Run `manage.py check` \
as the site's user for all of it. A time-out means that something waits while settings are imported: a network file \
system, a name that does not resolve.";

/// What the site said about its settings in the run of `site.python`, for those who need it: starting Django once is
/// enough.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Option<Imported>>>);

impl Told {
    /// Takes what was said last.
    pub(crate) fn take(&self) -> Option<Imported> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, told: Option<Imported>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }
}

/// The check.
pub(crate) struct SitePython {
    spec: CheckSpec,
    told: Told,
}

impl SitePython {
    /// The check, which leaves there what it is told.
    pub(crate) fn new(told: Told, config: &Config) -> Self {
        let spec = CheckSpec::new(ID, "The site's Python")
            .tier(Tier::Slow)
            .component("gunicorn")
            .timeout(Duration::from_secs(9))
            .timeout_hint(
                "the site's settings or apps hang when they are imported: run `manage.py check` as the site's user and \
                 see where it waits (`py-spy dump`, or Ctrl-C for a traceback)",
            )
            .explanation(EXPLANATION);
        Self { spec: needs_site(spec, config), told }
    }
}

/// What the site says.
#[derive(Deserialize)]
struct Said {
    #[serde(flatten)]
    settings: Answer,
    complaints: Vec<Complaint>,
    /// `Python 3.11.2, Django 4.2.16`
    versions: String,
}

/// One complaint of Django's checks.
#[derive(Debug, Clone, Deserialize)]
struct Complaint {
    level: u32,
    /// `fields.E304`; apps may leave it out.
    id: Option<String>,
    message: String,
    hint: Option<String>,
    /// The model, field or setting.
    about: Option<String>,
}

#[async_trait]
impl Check for SitePython {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        self.told.put(None);
        match said(scope).await {
            Ok(said) => {
                scope.fact("site", said.versions.clone());
                let found = findings(&said);
                let site = &scope.config().site;
                let mounts = match &site.service {
                    Some(service) => scope.containers().mounts(service).await.unwrap_or_default(),
                    None => Vec::new(),
                };
                self.told.put(Some(said.settings.mounted(mounts).understand(&site.dir)));
                found
            }
            Err(finding) => vec![finding],
        }
    }
}

async fn said(scope: &Scope) -> Result<Said, Finding> {
    let program = format!("{}\n\n{PROGRAM}", import::SETTINGS);
    let output = tell_site(scope, &program, &()).await?;
    if output.answer.is_empty() {
        return Err(failed(&scope.config().site, &output));
    }
    // The parser's own words could repeat a part of the answer.
    serde_json::from_slice(&output.answer).map_err(|_| site_failed("what came back is not the answer"))
}

/// Why the site's Python ended without an answer.
fn failed(site: &Site, output: &Output) -> Finding {
    let Some(Traceback { exception, place }) = Traceback::parse(&output.stderr, &site.dir) else {
        let why = site_complaint(output);
        if why.starts_with("cannot start") || why.starts_with("cannot change to") {
            let hint = "correct `site.python` and `site.dir`, or make the virtual environment again";
            return Finding::failed(Code::NotFound, format!("the site's Python is not there: {why}"), hint);
        }
        return site_failed(&why);
    };
    let place = place.map_or_else(String::new, |place| format!(" at {place}"));
    let hint = if exception.starts_with("ModuleNotFoundError") || exception.starts_with("ImportError") {
        "install what the site's `requirements.txt` says into the environment of `site.python`, or mend the import"
    } else {
        "run `manage.py check` in the site's directory as the site's user with `site.python`, and mend what it says"
    };
    Finding::failed(Code::SiteFailed, format!("the site's Python ends with `{exception}`{place}"), hint)
}

/// One finding for each complaint, the worst first, or one that says that there is none.
fn findings(said: &Said) -> Vec<Finding> {
    let mut complaints: Vec<&Complaint> =
        said.complaints.iter().filter(|complaint| complaint.level >= WARNING).collect();
    complaints.sort_by_key(|complaint| std::cmp::Reverse(complaint.level));
    if complaints.is_empty() {
        return vec![Finding::passed(format!(
            "{} imports the site's settings and apps, and Django's checks pass",
            said.versions
        ))];
    }
    let mut found: Vec<Finding> = complaints.iter().take(MOST).map(|complaint| finding(complaint)).collect();
    if let Some(more) = complaints.len().checked_sub(MOST).filter(|more| *more > 0) {
        let hint = "run `manage.py check` as the site's user for all of them";
        found.push(Finding::warning(Code::SystemCheck, format!("Django has {more} more complaints"), hint));
    }
    found
}

fn finding(complaint: &Complaint) -> Finding {
    let Complaint { level, id, message, hint, about } = complaint;
    let about = about.as_deref().map_or_else(String::new, |about| format!("{}: ", harmless(about)));
    let message = format!("{about}{}", harmless(message.lines().next().unwrap_or_default()));
    let hint = hint.as_deref().map(|hint| harmless(hint.lines().next().unwrap_or_default()));
    let hint = hint.filter(|hint| !hint.is_empty()).unwrap_or_else(|| {
        "look the id up in Django's reference of system checks, and mend the model or setting that it names".to_owned()
    });
    let finding = if *level >= ERROR {
        Finding::failed(Code::SystemCheck, message, hint)
    } else {
        Finding::warning(Code::SystemCheck, message, hint)
    };
    finding.about(id.as_deref().unwrap_or("without an id"))
}

#[cfg(test)]
#[path = "site_python_tests.rs"]
mod tests;
