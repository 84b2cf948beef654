use coursys_ops_core::Registry;
use coursys_ops_core::config::Config;
use coursys_ops_core::context::{Caller, Context};
use coursys_ops_core::model::{Event, PlanReport, PlanStart};
use coursys_ops_core::plan::{Action, Plan, Step};
use coursys_ops_core::process::Helper;
use coursys_ops_core::run::{Job, Means, PlanFold, Stops, carry_out, course};

use super::*;
use crate::testing::{answers_http, config, mute};

/// A helper that sees no process and no connection, and nothing else of the machine.
const HELPER: [&str; 3] = ["sh", "-c", r#"echo '{"Ok":[]}'"#];

/// Carries out one built-in step on a machine of which only that much is seen; returns the report and what was said.
async fn carried(
    name: &str,
    argument: (&str, &str),
    deadline: Duration,
    config: Config,
) -> (PlanReport, String) {
    let caller = Caller { uid: 0, user: "root".to_owned(), host: "laptop".to_owned() };
    let helper = Helper { argv: HELPER.map(Into::into).to_vec() };
    let context = Arc::new(Context::new(config, caller, helper, "0.0.0"));
    let checks = Arc::new(Registry::new(Vec::new()).unwrap());
    let means = Means { context, checks, built_ins: Arc::new(built_ins()), last_words: None };
    let arguments = BTreeMap::from([(argument.0.to_owned(), argument.1.to_owned())]);
    let action = Action::BuiltIn { name: name.to_owned(), arguments };
    let plan = Plan::new("p").step(Step::new("a.step", "a step", action).deadline(deadline));
    let job = Job { start: PlanStart::default(), turns: course::begin(&plan), plan };
    let (mut fold, mut said) = (PlanFold::default(), String::new());
    carry_out(&job, &means, &Stops::never(), &mut (), &mut |event| {
        if let Event::StepOutput { line, .. } = &event {
            said.push_str(line);
            said.push('\n');
        }
        fold.push(&event);
    })
    .await;
    let report = fold.report();
    let end = report.steps[0].end.message.clone().unwrap_or_default();
    (report, said + &end)
}

/// What a step that waits has left for its last words, and a little more, so that it looks once.
const ONE_LOOK: Duration = Duration::from_secs(6);

async fn with_mute_broker() -> (Config, String) {
    let mut config = config();
    config.broker.server.port = mute().await;
    let place = config.broker.server.place();
    (config, format!("RabbitMQ at {place} gives no answer within"))
}

#[tokio::test]
async fn workers_behind_a_broker_that_says_nothing_are_waited_for_and_killed_on_request_only() {
    let (config, silent) = with_mute_broker().await;
    let (report, said) = carried(BuiltInStep::QUIET, ("kill", "false"), ONE_LOOK, config.clone()).await;
    assert_eq!(report.run.exit_code, 1, "{said}");
    assert!(said.contains(&silent) && said.contains("--kill-tasks"), "{said}");
    let (report, said) = carried(BuiltInStep::QUIET, ("kill", "true"), ONE_LOOK, config).await;
    assert_eq!(report.run.exit_code, 0, "{said}");
    assert!(said.contains(&silent) && said.contains("they are killed, as was asked for"), "{said}");
}

#[tokio::test]
async fn a_site_is_not_opened_through_a_broker_that_says_nothing_and_that_is_said() {
    let (config, silent) = with_mute_broker().await;
    let (report, said) = carried(BuiltInStep::CONSUME, ("of", "all"), ONE_LOOK, config).await;
    assert_eq!(report.run.exit_code, 1, "{said}");
    assert!(said.contains("it did not end in time: ") && said.contains(&silent), "{said}");
}

#[tokio::test]
async fn who_may_pass_and_gets_an_error_of_nginx_does_not_pass() {
    let answers = [
        ("200 OK", true),
        ("404 Not Found", true),
        ("500 Internal Server Error", true),
        ("502 Bad Gateway", false),
        ("504 Gateway Timeout", false),
    ];
    for (status, passes) in answers {
        let mut config = config();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        config.web.server.host = Some("127.0.0.1".to_owned());
        config.web.server.port = answers_http(answer.into_bytes()).await;
        config.web.hosts = vec!["coursys.test".to_owned()];
        config.maintenance.bypass = Some("10.1.2.3".to_owned());
        let (_, said) = carried(BuiltInStep::CLOSED, ("", ""), ONE_LOOK, config).await;
        assert_eq!(!said.contains("10.1.2.3 should pass"), passes, "{status}: {said}");
    }
}
