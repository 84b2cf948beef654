use std::sync::Mutex;

use super::*;
use crate::testing::{Act, Fake, config, context, fails, fake, outline, passes};

async fn run_all(checks: &[Arc<dyn Check>], options: &Options) -> Report {
    run(checks, &context(), options, &Cancel::never(), ExitPolicy::default(), &mut |_| {}).await
}

fn warns(id: &str) -> Arc<dyn Check> {
    fake(id, &[], Act::Find(vec![Finding::warning(Code::Busy, "busy", "wait")]))
}

fn skips(id: &str) -> Arc<dyn Check> {
    fake(id, &[], Act::Find(vec![Finding::skipped(Code::NotPermitted, "not for you")]))
}

#[tokio::test(start_paused = true)]
async fn one_root_cause_is_one_failure_through_any_depth() {
    let checks = [
        fails("a", &[]),
        passes("b", &["a"]),
        passes("c", &["b"]),
        passes("d", &["c", "x"]),
        fails("x", &[]),
        passes("y", &[]),
    ];
    let report = run_all(&checks, &Options::default()).await;
    assert_eq!(
        outline(&report),
        "a=failed/refused b=skipped/need_failed(a) c=skipped/need_failed(a) d=skipped/need_failed(a,x) x=failed/refused y=passed/ok"
    );
    assert_eq!(report.run.exit_code, 1);
}

#[tokio::test(start_paused = true)]
async fn a_warning_and_a_skip_for_another_reason_do_not_block() {
    let checks = [warns("w"), skips("s"), passes("a", &["w", "s"])];
    let report = run_all(&checks, &Options::default()).await;
    assert_eq!(outline(&report), "w=warning/busy s=skipped/not_permitted a=passed/ok");
    assert_eq!(report.run.exit_code, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_layout_lacks_is_told_so_also_when_what_it_needs_fails() {
    let spec = CheckSpec::new("b", "b").needs("a").component("celerybeat");
    let absent: Arc<dyn Check> = Arc::new(Fake(spec, Act::Hang));
    let report = run_all(&[fails("a", &[]), absent, passes("c", &["b"])], &Options::default()).await;
    assert_eq!(outline(&report), "a=failed/refused b=skipped/not_in_layout c=passed/ok");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_need_blocks() {
    let checks =
        [fake("a", &[], Act::Panic("oh no")), passes("b", &["a"]), fake("c", &[], Act::Find(vec![]))];
    let report = run_all(&checks, &Options::default()).await;
    assert_eq!(outline(&report), "a=unknown/panicked b=skipped/need_failed(a) c=unknown/no_finding");
}

#[tokio::test(start_paused = true)]
async fn independent_checks_run_at_the_same_time_and_dependents_after_what_they_need() {
    let after = |id: &str, needs: &[&str]| {
        fake(id, needs, Act::After(Duration::from_millis(500), vec![Finding::passed("")]))
    };
    let checks = [after("a", &[]), after("b", &[]), after("c", &["a", "b"])];
    let order = Mutex::new(Vec::new());
    let mut sink = |event: Event| match event {
        Event::CheckStarted { id } => order.lock().unwrap().push(format!("+{id}")),
        Event::CheckFinished { id, .. } => order.lock().unwrap().push(format!("-{id}")),
        _ => {}
    };
    let started = tokio::time::Instant::now();
    run(&checks, &context(), &Options::default(), &Cancel::never(), ExitPolicy::default(), &mut sink).await;
    assert_eq!(started.elapsed(), Duration::from_secs(1));
    assert_eq!(order.into_inner().unwrap(), ["+a", "+b", "-a", "-b", "+c", "-c"]);
}

#[tokio::test(start_paused = true)]
async fn no_more_checks_than_the_bound_run_at_the_same_time() {
    let mut config = config();
    config.checks.concurrency = 2;
    let context = Arc::new(Context { config, ..(*context()).clone() });
    let one = |id| fake(id, &[], Act::After(Duration::from_millis(100), vec![Finding::passed("")]));
    let started = tokio::time::Instant::now();
    let checks = [one("a"), one("b"), one("c"), one("d"), one("e")];
    run(&checks, &context, &Options::default(), &Cancel::never(), ExitPolicy::default(), &mut |_| {}).await;
    assert_eq!(started.elapsed(), Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_fails_after_its_own_timeout_with_its_own_hint() {
    let report = run_all(&[fake("a", &[], Act::Hang), passes("b", &["a"])], &Options::default()).await;
    assert_eq!(outline(&report), "a=failed/timeout b=skipped/need_failed(a)");
    assert_eq!(report.checks[0].findings[0].hint.as_deref(), Some("wake it"));
}

#[tokio::test]
async fn what_the_deadline_cuts_off_is_unknown_and_what_is_known_is_reported() {
    let options = Options { deadline: Duration::from_millis(100), ..Options::default() };
    let report = run_all(&[passes("a", &[]), fake("b", &[], Act::Hang), passes("c", &["b"])], &options).await;
    assert_eq!(outline(&report), "a=passed/ok b=unknown/deadline c=skipped/need_failed(b)");
    assert_eq!(report.run.ended, Ended::Deadline);
    assert!(report.run.duration_ms < 300.0, "{}", report.run.duration_ms);
}

#[tokio::test]
async fn a_component_that_is_not_in_the_layout_is_no_failure_and_does_not_block() {
    let spec = CheckSpec::new("broker.connection", "").component("rabbitmq");
    let absent: Arc<dyn Check> = Arc::new(crate::testing::Fake(spec, Act::Hang));
    let report = run_all(&[absent, passes("a", &["broker.connection"])], &Options::default()).await;
    assert_eq!(outline(&report), "broker.connection=skipped/not_in_layout a=passed/ok");
}

#[tokio::test]
async fn what_is_known_beforehand_is_not_looked_at() {
    let known = [("a".to_owned(), vec![Finding::skipped(Code::LeftOut, "left out")])].into();
    let options = Options { known, ..Options::default() };
    let report = run_all(&[fake("a", &[], Act::Hang), passes("b", &["a"])], &options).await;
    assert_eq!(outline(&report), "a=skipped/left_out b=passed/ok");
    assert_eq!(report.checks[0].duration_ms, None);
}

#[tokio::test]
async fn a_secret_that_a_server_echoes_is_taken_out_of_the_finding() {
    let mut config = config();
    config.broker.server.secret =
        crate::config::SecretValue::Known(crate::secret::Secret::new("p@ss/w%rd ü'"));
    let context = Arc::new(Context::new(config, context().caller.clone(), context().helper.clone(), "0"));
    let finding = Finding::failed(
        Code::Rejected,
        "bad URL amqp://u:p%40ss%2Fw%25rd%20%C3%BC%27@h/",
        "use p@ss/w%rd ü' instead",
    );
    let checks = [fake("a", &[], Act::Find(vec![finding]))];
    let report =
        run(&checks, &context, &Options::default(), &Cancel::never(), ExitPolicy::default(), &mut |_| {})
            .await;
    assert_eq!(report.checks[0].findings[0].message, "bad URL amqp://u:[redacted]@h/");
    assert_eq!(report.checks[0].findings[0].hint.as_deref(), Some("use [redacted] instead"));
}

#[tokio::test]
async fn a_program_that_ignores_term_is_gone_when_the_run_returns() {
    let argv = vec!["sh", "-c", "trap '' TERM; echo $$ > \"$0\"; while :; do sleep 0.01; done"];
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pid");
    let mut argv: Vec<&'static str> = argv;
    argv.push(Box::leak(file.to_str().unwrap().to_owned().into_boxed_str()));
    let options = Options { deadline: Duration::from_millis(300), ..Options::default() };
    let report = run_all(&[fake("a", &[], Act::Run(argv))], &options).await;
    assert_eq!(outline(&report), "a=unknown/deadline");
    assert_eq!(report.run.abandoned, 0);
    let pid = std::fs::read_to_string(&file).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists(), "{pid} is left running");
    assert!(report.run.duration_ms < 500.0, "{}", report.run.duration_ms);
}

#[tokio::test]
async fn a_program_may_end_in_its_own_time_while_the_run_has_some_left() {
    let script =
        "exec 2> /dev/null; trap 'sleep 0.2; echo ended > \"$0\"; exit' TERM; while :; do sleep 0.01; done";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ended");
    let path: &'static str = Box::leak(file.to_str().unwrap().to_owned().into_boxed_str());
    let report =
        run_all(&[fake("a", &[], Act::Run(vec!["sh", "-c", script, path]))], &Options::default()).await;
    assert_eq!(outline(&report), "a=failed/timeout");
    assert!(file.exists(), "it was killed in the middle of its work");
    assert_eq!(report.run.abandoned, 0);
}

#[tokio::test]
async fn a_program_that_floods_its_output_is_stopped() {
    let report = run_all(&[fake("a", &[], Act::Run(vec!["yes"]))], &Options::default()).await;
    assert_eq!(outline(&report), "a=unknown/helper_failed");
    assert!(report.checks[0].findings[0].message.contains("printed more than"), "{report:?}");
}

#[tokio::test]
async fn a_grandchild_that_keeps_the_pipe_open_does_not_hold_the_check() {
    let report =
        run_all(&[fake("a", &[], Act::Run(vec!["sh", "-c", "sleep 60 & exit 0"]))], &Options::default())
            .await;
    assert_eq!(outline(&report), "a=passed/ok");
}

#[tokio::test]
async fn ten_thousand_checks_in_one_run_are_reported() {
    let checks: Vec<_> = (0..10_000).map(|n| passes(&format!("check.{n}"), &[])).collect();
    let report = run_all(&checks, &Options::default()).await;
    assert_eq!(report.summary.passed, 10_000);
}
