use coursys_ops_core::config::Component;
use coursys_ops_core::context::Caller;
use coursys_ops_core::plan::Step;
use coursys_ops_core::process::Helper;
use coursys_ops_core::service::{Deed, Refusal, services};

use super::*;
use crate::testing::config;

/// A component whose manager answers never, or at once.
struct Slow(Arc<dyn Service>, bool);

#[async_trait]
impl Service for Slow {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn component(&self) -> &Component {
        self.0.component()
    }

    async fn look(&self, scope: &Scope) -> Look {
        if self.1 { std::future::pending().await } else { self.0.look(scope).await }
    }

    fn steps(&self, deed: Deed, seen: &Look) -> Result<Vec<Step>, Refusal> {
        self.0.steps(deed, seen)
    }
}

fn seen(hangs: bool) -> Seen {
    let config = config();
    let real = services(&config, &surveyor()).into_iter();
    let services = real.map(|one| -> Arc<dyn Service> { Arc::new(Slow(one, hangs)) }).collect();
    let caller = Caller { uid: 0, user: "root".to_owned(), host: "laptop".to_owned() };
    let context = Arc::new(Context::new(config, caller, Helper { argv: vec!["false".into()] }, "0.0.0"));
    let around = Arc::new(Around::new(services, Duration::from_millis(300)));
    let checks: Vec<Arc<dyn Check>> = vec![around.clone()];
    let options = Options { tier: Tier::Slow, ..Options::default() };
    let never = Cancel::never();
    let report = run_blocking(&checks, &context, &options, &never, ExitPolicy::default(), &mut |_: &_| ());
    Seen { looks: around.take(), report }
}

#[test]
fn nothing_seen_is_told_apart_from_nothing_to_do() {
    let why = seen(true).components().unwrap_err();
    assert!(why.contains("no answer within 0.3 s"), "{why}");
    // What the helper cannot tell is seen as that, component by component.
    assert!(seen(false).components().unwrap().iter().any(|look| look.component == "celery"));
}
