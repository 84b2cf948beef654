//! `site.locale`: the running processes of the site have a UTF-8 locale.

use async_trait::async_trait;
use coursys_ops_core::config::Config;
use coursys_ops_core::helper::Process;
use coursys_ops_core::model::{CheckSpec, Code, Finding};
use coursys_ops_core::{Check, Scope};

use crate::site_processes::{is_of, site_processes};

/// Components whose processes run the site's Python.
const COMPONENTS: [&str; 2] = ["gunicorn", "celery"];

/// The check.
pub(crate) struct SiteLocale(CheckSpec);

impl SiteLocale {
    /// The check.
    pub(crate) fn new() -> Self {
        Self(
            CheckSpec::new("site.locale", "Locale of the site's processes")
                .component("gunicorn")
                .timeout_hint(
                    "a process of the site is stuck in the kernel: `ps -o pid,stat,wchan` shows it in state D",
                )
                .explanation(
                    "Looks at the environment with which the running processes of gunicorn and Celery were \
                     started: `LC_ALL`, else `LC_CTYPE`, else `LANG` must name a UTF-8 locale. Processes are this \
                     site's when they belong to the site's user and work in `site.dir`.\n\n\
                     Python opens files and names of files in that encoding; without it, a name with an accent in \
                     a submission is an error.\n\n\
                     When it fails: put `LANG=en_CA.UTF-8` into the unit file or the environment file of that \
                     component and restart it; a changed file says nothing about what already runs.",
                ),
        )
    }
}

#[async_trait]
impl Check for SiteLocale {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        locale(scope).await.unwrap_or_else(|failed| vec![failed])
    }
}

async fn locale(scope: &Scope) -> Result<Vec<Finding>, Finding> {
    Ok(findings(scope.config(), &site_processes(scope).await?))
}

/// One finding for each component of the layout.
fn findings(config: &Config, processes: &[Process]) -> Vec<Finding> {
    let of_component = |name: &'static str| {
        let component = config.components.get(name)?;
        let own = processes.iter().filter(|process| is_of(process, name, component));
        Some(finding(name, own))
    };
    COMPONENTS.into_iter().filter_map(of_component).collect()
}

/// What the processes of one component say together.
fn finding<'a>(component: &str, processes: impl Iterator<Item = &'a Process>) -> Finding {
    let (mut good, mut hidden, mut bad) = (0_usize, 0_usize, Vec::new());
    for process in processes {
        match process.locale.as_deref() {
            None => hidden += 1,
            Some(variables) if is_utf8(effective(variables)) => good += 1,
            Some(variables) => bad.push((process.pid, effective(variables))),
        }
    }
    let found = match (bad.first(), good, hidden) {
        (Some((pid, locale)), ..) => Finding::failed(
            Code::NotUtf8,
            format!(
                "{} of {} processes of {component} are without a UTF-8 locale: {pid} has `{}`",
                bad.len(),
                bad.len() + good + hidden,
                locale.escape_debug()
            ),
            format!("set `LANG=en_CA.UTF-8` in the unit or environment file of {component}, then restart it"),
        ),
        // Whether it should run is what `web.serving` and `celery.queue.*` say: a second failure would tell nothing new.
        (None, 0, 0) => Finding::skipped(
            Code::NotRunning,
            format!("no process of {component} works in the site's directory"),
        )
        .with_hint(format!(
            "if {component} runs, correct `site.dir`, `site.user` and `components.{component}.process`"
        )),
        (None, 0, _) => Finding::skipped(
            Code::NotPermitted,
            format!("the environment of {component} cannot be read by this user"),
        )
        .with_hint("run the check with sudo"),
        (None, ..) => Finding::passed(format!("{good} processes of {component} have a UTF-8 locale")),
    };
    found.about(component)
}

/// The locale that counts for characters: an empty variable is none, and without any it is `C`.
fn effective(variables: &[(String, String)]) -> &str {
    let value = |name: &str| {
        let variable = variables.iter().find(|(known, value)| known == name && !value.is_empty());
        variable.map(|(_, value)| value.as_str())
    };
    value("LC_ALL").or_else(|| value("LC_CTYPE")).or_else(|| value("LANG")).unwrap_or("C")
}

/// Whether the name of a locale ends in a spelling of UTF-8: `en_CA.UTF-8`, `C.utf8`, `de_DE.UTF-8@euro`.
fn is_utf8(locale: &str) -> bool {
    let encoding = locale.split_once('.').map_or("", |(_, encoding)| encoding);
    let encoding = encoding.split('@').next().unwrap_or_default();
    ["utf-8", "utf8"].iter().any(|utf8| encoding.eq_ignore_ascii_case(utf8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    fn process(command: &[&str], locale: &[(&str, &str)]) -> Process {
        let own = |text: &&str| (*text).to_owned();
        let locale = locale.iter().map(|(name, value)| (own(name), own(value))).collect();
        Process {
            pid: 7,
            command: command.iter().map(own).collect(),
            in_dir: Some(true),
            locale: Some(locale),
            ..Process::default()
        }
    }

    const GUNICORN: [&str; 3] = ["/venv/bin/python", "/venv/bin/gunicorn", "courses.wsgi:application"];
    const CELERY: [&str; 4] = ["/venv/bin/python", "-m", "celery", "worker"];
    const GOOD: [(&str, &str); 1] = [("LANG", "en_CA.UTF-8")];

    fn codes(processes: &[Process]) -> Vec<Code> {
        findings(&config(), processes).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn every_process_of_both_components_counts() {
        let (gunicorn, celery) = (process(&GUNICORN, &GOOD), process(&CELERY, &GOOD));
        assert_eq!(codes(&[gunicorn.clone(), celery.clone()]), [Code::Ok, Code::Ok]);
        let worker = process(&["gunicorn: worker [courses]"], &[("LANG", "C")]);
        assert_eq!(codes(&[gunicorn.clone(), worker, celery]), [Code::NotUtf8, Code::Ok]);
        assert_eq!(codes(&[gunicorn]), [Code::Ok, Code::NotRunning]);
    }

    #[test]
    fn another_site_a_beat_and_a_reader_of_a_log_are_no_workers() {
        let gunicorn = process(&GUNICORN, &GOOD);
        let other = Process { in_dir: Some(false), ..process(&CELERY, &GOOD) };
        let beat = process(&["/venv/bin/python", "-m", "celery", "-A", "courses", "beat"], &GOOD);
        let reader = process(&["less", "/opt/logs/celery-fast.log"], &GOOD);
        for stranger in [other, beat, reader] {
            assert_eq!(codes(&[gunicorn.clone(), stranger]), [Code::Ok, Code::NotRunning]);
        }
        let unseen = Process { in_dir: None, ..process(&CELERY, &GOOD) };
        assert_eq!(codes(&[gunicorn, unseen]), [Code::Ok, Code::Ok]);
    }

    #[test]
    fn what_may_not_be_seen_is_not_judged() {
        let hidden = |command: &[&str]| Process { locale: None, ..process(command, &[]) };
        assert_eq!(codes(&[hidden(&GUNICORN), hidden(&CELERY)]), [Code::NotPermitted, Code::NotPermitted]);
    }

    #[test]
    fn the_stronger_variable_wins_unless_it_is_empty() {
        for (variables, utf8) in [
            (&[("LANG", "en_CA.UTF-8"), ("LC_ALL", "C")][..], false),
            (&[("LANG", "en_CA.UTF-8"), ("LC_CTYPE", "POSIX")], false),
            (&[("LANG", "C"), ("LC_CTYPE", "POSIX"), ("LC_ALL", "C.utf8")], true),
            (&[("LANG", "en_CA.UTF-8"), ("LC_ALL", "")], true),
            (&[("LANG", "en_CA")], false),
            (&[("LANG", "de_DE.UTF-8@euro")], true),
            (&[("LANG", "en_CA.ISO-8859-1")], false),
            (&[], false),
        ] {
            let code = codes(&[process(&GUNICORN, variables), process(&CELERY, &GOOD)]).remove(0);
            assert_eq!(code == Code::Ok, utf8, "{variables:?}");
        }
    }
}
