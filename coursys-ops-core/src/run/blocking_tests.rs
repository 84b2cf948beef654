use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::model::Code;
use crate::testing::{Act, context, fake, outline, passes};

fn run_all(checks: &[Arc<dyn Check>], deadline: Duration, cancel: &Cancel) -> Report {
    let options = Options { deadline, ..Options::default() };
    run_blocking(checks, &context(), &options, cancel, ExitPolicy::default(), &mut |_: &Event| {})
}

const LONG: Duration = Duration::from_secs(15);

#[test]
fn a_check_that_blocks_its_thread_fails_and_the_others_are_looked_at_all_the_same() {
    let block = fake("block", &[], Act::Block(Duration::from_secs(60)));
    let checks = [passes("a", &[]), block, passes("b", &["block"]), passes("c", &[]), passes("d", &["c"])];
    let started = Instant::now();
    let report = run_all(&checks, LONG, &Cancel::never());
    assert_eq!(
        outline(&report),
        "a=passed/ok block=failed/timeout b=skipped/need_failed(block) c=passed/ok d=passed/ok"
    );
    assert_eq!(report.run.abandoned, 1);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let finding = &report.checks[1].findings[0];
    assert_eq!(finding.message, "no answer within 1 s: the check blocks its thread");
}

#[test]
fn two_checks_that_block_cost_one_timeout_each() {
    let block = |id| fake(id, &[], Act::Block(Duration::from_secs(60)));
    let report = run_all(&[block("a"), block("b"), passes("c", &[])], LONG, &Cancel::never());
    assert_eq!(outline(&report), "a=failed/timeout b=failed/timeout c=passed/ok");
    assert_eq!(report.run.abandoned, 2);
}

#[test]
fn a_thread_that_never_comes_back_does_not_hold_the_deadline() {
    let started = Instant::now();
    let report = run_all(
        &[fake("a", &[], Act::Block(Duration::from_secs(60)))],
        Duration::from_millis(200),
        &Cancel::never(),
    );
    assert!(started.elapsed() < Duration::from_millis(400), "{:?}", started.elapsed());
    assert_eq!(outline(&report), "a=unknown/deadline");
    assert_eq!((report.run.ended, report.run.abandoned), (Ended::Deadline, 1));
}

#[test]
fn a_thread_that_wakes_after_it_was_given_up_looks_at_nothing_more() {
    static LOOKS: AtomicU32 = AtomicU32::new(0);
    struct Counts(crate::model::CheckSpec);
    #[async_trait::async_trait]
    impl Check for Counts {
        fn spec(&self) -> &crate::model::CheckSpec {
            &self.0
        }
        async fn look(&self, _: &crate::check::Scope) -> Vec<crate::model::Finding> {
            LOOKS.fetch_add(1, Ordering::SeqCst);
            vec![crate::model::Finding::passed("")]
        }
    }
    let spec = crate::model::CheckSpec::new("count", "");
    let block = fake("block", &[], Act::Block(Duration::from_millis(1500)));
    let report = run_all(&[block, Arc::new(Counts(spec))], LONG, &Cancel::never());
    assert_eq!(outline(&report), "block=failed/timeout count=passed/ok");
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!(LOOKS.load(Ordering::SeqCst), 1);
}

#[test]
fn an_interruption_reports_what_is_known_at_once() {
    let (canceller, cancel) = Canceller::new();
    let pull = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        canceller.cancel(Interruption::Interrupt);
    });
    let started = Instant::now();
    let hang = fake("hang", &[], Act::Hang);
    let report = run_all(&[passes("a", &[]), hang], LONG, &cancel);
    assert!(started.elapsed() < Duration::from_millis(400), "{:?}", started.elapsed());
    assert_eq!(outline(&report), "a=passed/ok hang=unknown/interrupted");
    assert_eq!(report.run.exit_code, 130);
    pull.join().unwrap();
}

#[test]
fn an_interruption_ends_also_a_run_that_is_stuck() {
    let (canceller, cancel) = Canceller::new();
    canceller.cancel(Interruption::Terminate);
    let started = Instant::now();
    let report = run_all(&[fake("a", &[], Act::Block(Duration::from_secs(60)))], LONG, &cancel);
    assert!(started.elapsed() < Duration::from_millis(400), "{:?}", started.elapsed());
    assert_eq!(report.run.exit_code, 143);
    assert_eq!(report.checks[0].findings[0].code, Code::Interrupted);
}

#[test]
fn the_observer_sees_what_the_report_says() {
    let mut fold = Fold::default();
    let mut observer = |event: &Event| fold.push(event);
    let options = Options::default();
    let checks = [passes("a", &[]), fake("b", &[], Act::Panic("no")), passes("c", &["b"])];
    let policy = ExitPolicy::default();
    let report = run_blocking(&checks, &context(), &options, &Cancel::never(), policy, &mut observer);
    assert_eq!(fold.report(policy), report);
}
