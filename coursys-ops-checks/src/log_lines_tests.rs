use coursys_ops_core::Context;
use coursys_ops_core::config::Component;
use coursys_ops_core::context::Caller;
use coursys_ops_core::model::ExitPolicy;
use coursys_ops_core::plan::Step;
use coursys_ops_core::process::Helper;
use coursys_ops_core::run::{Cancel, Options, run_blocking};
use coursys_ops_core::service::{Deed, Look, Refusal};

use super::*;
use crate::testing::config;

/// A component with log files and nothing else; its manager may be silent.
struct Logger(Component, bool);

#[async_trait]
impl Service for Logger {
    fn name(&self) -> &str {
        "gunicorn"
    }

    fn component(&self) -> &Component {
        &self.0
    }

    async fn look(&self, _: &Scope) -> Look {
        if self.1 {
            std::future::pending::<()>().await;
        }
        Look {
            component: "gunicorn".to_owned(),
            manager: "compose".to_owned(),
            parts: Vec::new(),
            compose: Vec::new(),
        }
    }

    fn steps(&self, _: Deed, _: &Look) -> Result<Vec<Step>, Refusal> {
        Err(Refusal::new("no", "no"))
    }
}

/// What is read of three logs, the second of which never ends, within this time.
fn read(is_silent: bool, within: Duration) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let paths = ["first", "hangs", "third"].map(|name| dir.path().join(name));
    std::fs::write(&paths[0], "one\n").unwrap();
    // Nobody writes to it, so that it cannot even be opened.
    rustix::fs::mkfifoat(rustix::fs::CWD, &paths[1], rustix::fs::Mode::RUSR).unwrap();
    std::fs::write(&paths[2], "three\n").unwrap();
    let mut component = config().components["gunicorn"].clone();
    component.logs = paths.to_vec();
    let mut reader = LogLines::new(Arc::new(Logger(component, is_silent)), 5);
    reader.spec = reader.spec.timeout(within);
    let reader = Arc::new(reader);
    let checks: Vec<Arc<dyn Check>> = vec![reader.clone()];
    let argv = ["sh", "-c", "shift 3; exec \"$@\"", "helper"].map(Into::into).to_vec();
    let caller = Caller { uid: 1000, user: "tester".to_owned(), host: "laptop".to_owned() };
    let context = Arc::new(Context::new(config(), caller, Helper { argv }, "0.0.0"));
    let (options, never) = (Options::default(), Cancel::never());
    let report = run_blocking(&checks, &context, &options, &never, ExitPolicy::default(), &mut |_: &_| ());
    assert_eq!(report.checks[0].findings[0].message, "read", "it ends before its time is over");
    reader.take().into_iter().map(|line| line.replace(&dir.path().display().to_string(), "")).collect()
}

#[test]
fn a_log_that_hangs_costs_the_others_nothing() {
    for is_silent in [false, true] {
        let lines = read(is_silent, Duration::from_secs(4));
        let [first, one, hangs, why, third, three] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!([first, one], ["== /first", "one"]);
        assert_eq!([third, three], ["== /third", "three"]);
        assert!(hangs == "== /hangs" && why.contains("not done within"), "{lines:?}");
    }
}
