//! What the unit tests of core share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::check::{Check, Scope};
use crate::config::{Config, Sources, load};
use crate::context::{Caller, Context};
use crate::model::{CheckSpec, Code, Finding, Report};
use crate::process::Helper;

/// The configuration of a laptop.
pub fn config() -> Config {
    let sources = Sources { layout: Some("devel".to_owned()), ..Sources::default() };
    load(&sources).expect("the profile is complete").config
}

/// A context whose helper is a shell that starts programs and nothing else.
pub fn context() -> Arc<Context> {
    let caller = Caller { uid: 1000, user: "tester".to_owned(), host: "laptop".to_owned() };
    let argv = ["sh", "-c", "shift 3; exec \"$@\"", "helper"].map(Into::into).to_vec();
    Arc::new(Context::new(config(), caller, Helper { argv }, "0.0.0"))
}

/// How a fake check behaves.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers at once.
    Find(Vec<Finding>),
    /// Answers after a while.
    After(Duration, Vec<Finding>),
    /// Never answers.
    Hang,
    /// Blocks its thread without ever yielding, for this long.
    Block(Duration),
    /// Crashes.
    Panic(&'static str),
    /// Runs a program and passes when that ends.
    Run(Vec<&'static str>),
}

/// A check that behaves as told.
pub struct Fake(pub CheckSpec, pub Act);

#[async_trait]
impl Check for Fake {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        match &self.1 {
            Act::Find(findings) => findings.clone(),
            Act::After(delay, findings) => {
                tokio::time::sleep(*delay).await;
                findings.clone()
            }
            Act::Hang => std::future::pending().await,
            Act::Block(time) => {
                std::thread::sleep(*time);
                vec![Finding::passed("woke up")]
            }
            Act::Panic(message) => panic!("{message}"),
            Act::Run(argv) => match scope.run(crate::process::Command::new(argv.iter().copied())).await {
                Ok(output) if output.status.success() => vec![Finding::passed("ran")],
                Ok(output) => vec![Finding::failed(Code::HelperFailed, output.complaint(), "look")],
                Err(error) => vec![Finding::unknown(Code::HelperFailed, error.to_string())],
            },
        }
    }
}

/// A fake check that needs others and has a timeout of one second.
pub fn fake(id: &str, needs: &[&str], act: Act) -> Arc<dyn Check> {
    let spec = CheckSpec::new(id, id).timeout(Duration::from_secs(1)).timeout_hint("wake it");
    let spec = needs.iter().fold(spec, |spec, need| spec.needs(*need));
    Arc::new(Fake(spec, act))
}

/// A fake check that passes.
pub fn passes(id: &str, needs: &[&str]) -> Arc<dyn Check> {
    fake(id, needs, Act::Find(vec![Finding::passed("fine")]))
}

/// A fake check that fails.
pub fn fails(id: &str, needs: &[&str]) -> Arc<dyn Check> {
    fake(id, needs, Act::Find(vec![Finding::failed(Code::Refused, "no", "start it")]))
}

/// A report in one line: `id=status/code(because)`.
pub fn outline(report: &Report) -> String {
    let line = |check: &crate::model::CheckReport| {
        let code = check.findings.first().map_or("none", |finding| finding.code.as_str());
        let because =
            if check.because.is_empty() { String::new() } else { format!("({})", check.because.join(",")) };
        format!("{}={}/{code}{because}", check.id, check.status)
    };
    report.checks.iter().map(line).collect::<Vec<_>>().join(" ")
}
