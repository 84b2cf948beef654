//! `code.settings`: our configuration says what the site's settings say.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::import::{Difference, differences};
use coursys_ops_core::model::{CheckSpec, Code, Finding, Tier};
use coursys_ops_core::{Check, Scope};

use crate::site_python::{ID as SITE_PYTHON, Told};

const EXPLANATION: &str = "\
Compares what the site's own settings say now, as `site.python` was told, with the configuration of this run: servers, \
ports, accounts, passwords, queues, directories, hosts. What is not configured here is not compared. Passwords are \
compared and never shown.

Every other check looks where this configuration says. When the site moved to another database server or got another \
password, those checks go on looking at the old one, and may well find it in good health.

When it fails: each finding names one key. If the site is right, `sudo coursys-ops config import-django` shows what would \
change and `--write` changes it; a key that the environment or an argument sets is changed there. If the site is wrong, \
mend its settings or its secrets file, and reload it.";

/// The check.
pub(crate) struct CodeSettings {
    spec: CheckSpec,
    told: Told,
}

impl CodeSettings {
    /// The check, which reads there what the site said.
    pub(crate) fn new(told: Told) -> Self {
        let spec = CheckSpec::new("code.settings", "Configuration matches the site's settings")
            .tier(Tier::Slow)
            .needs(SITE_PYTHON)
            .component("gunicorn")
            .timeout(Duration::from_secs(2))
            .explanation(EXPLANATION);
        Self { spec, told }
    }
}

#[async_trait]
impl Check for CodeSettings {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let Some(imported) = self.told.take() else {
            let message = format!("`{SITE_PYTHON}` was not asked, or may not ask the site");
            return vec![Finding::skipped(Code::LeftOut, message)];
        };
        findings(&differences(&imported, scope.config()), imported.entries.len() + imported.secrets.len())
    }
}

/// One finding for each key that differs, or one that says how many do not.
fn findings(differences: &[Difference], all: usize) -> Vec<Finding> {
    if differences.is_empty() {
        return vec![Finding::passed(format!(
            "none of {all} settings of the site differs from this configuration"
        ))];
    }
    differences.iter().map(finding).collect()
}

fn finding(difference: &Difference) -> Finding {
    let Difference { key, values } = difference;
    let message = match values {
        Some((site, ours)) => format!("the site has `{site}` for `{key}`, this configuration `{ours}`"),
        None => format!("the site has another `{key}` than this configuration"),
    };
    let hint = "run `sudo coursys-ops config import-django`, which shows what it would change; or mend the site's settings";
    Finding::failed(Code::Differs, message, hint).about(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_a_finding_and_no_secret_is_in_it() {
        let differences = [
            Difference {
                key: "broker.port".to_owned(),
                values: Some(("5673".to_owned(), "5672".to_owned())),
            },
            Difference { key: "broker.password".to_owned(), values: None },
        ];
        let found = findings(&differences, 40);
        let subjects: Vec<_> = found.iter().filter_map(|finding| finding.subject.as_deref()).collect();
        assert_eq!(subjects, ["broker.port", "broker.password"]);
        assert!(found[0].message.contains("`5673`") && found[0].message.contains("`5672`"));
        assert!(found.iter().all(|finding| finding.code == Code::Differs && finding.hint.is_some()));
        assert_eq!(findings(&[], 40)[0].code, Code::Ok);
    }
}
