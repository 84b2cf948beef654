//! `markup.rpc`: the markup service makes HTML of Markdown.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use coursys_ops_core::model::{CheckSpec, Code, Effects, Finding, Measurement};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};
use serde::Deserialize;
use tokio::time::timeout;
use uuid::Uuid;

use crate::amqp::{AmqpError, Connection, Incoming, Message, Request, no_queue};
use crate::broker_alarms;
use crate::garbage::excerpt;

/// The component that does it.
const COMPONENT: &str = "ruby-markup";

/// A piece of Markdown, and what must be in its HTML.
const MARKDOWN: &str = "*x*";
const HTML: &str = "<em>x</em>";

/// After so long nobody waits for the answer any more, in milliseconds.
const LIFETIME_MS: u32 = 5000;

/// What is left of the check's own timeout when it stops waiting.
const MARGIN: Duration = Duration::from_millis(400);

const EXPLANATION: &str = "\
Sends a line of Markdown to the queue `markup.queue`, as the site does, and looks whether HTML comes back that makes it \
emphatic. The service keeps nothing; a request that nobody takes expires after five seconds.

Course pages, news and discussions are written in Markdown. Without the service they show nothing new, and a page that \
waits for it holds a worker of the web server while it does.

When it fails: `no_queue` and `no_consumer` mean that the service does not run (layout `vm`: `docker compose ps \
ruby-markup`): start it and read its log. A time-out with a consumer means that it hangs: restart it. `garbage` and \
`wrong_answer` mean that something else consumes the queue, or that the library behind it was updated into something \
different. Sites from September 2025 on do this themselves and have no such service: there the check is skipped.";

/// Looks whether the markup service answers.
#[derive(Debug)]
pub struct MarkupRpc(CheckSpec);

impl MarkupRpc {
    /// The check.
    #[must_use]
    pub fn new() -> Self {
        Self(
            CheckSpec::new("markup.rpc", "Markdown service")
                .component(COMPONENT)
                .needs(check_id(COMPONENT))
                .needs(broker_alarms::ID)
                .effects(Effects::SelfCleaning)
                .timeout_hint("the broker stopped answering in the middle: read its log")
                .explanation(EXPLANATION),
        )
    }
}

impl Default for MarkupRpc {
    fn default() -> Self {
        Self::new()
    }
}

#[derive(Deserialize)]
struct Answer {
    html: String,
}

fn judge(message: &Message) -> Finding {
    const WHO: &str = "restart the markup service and read its log; see who consumes the queue \
                       (`rabbitmqctl list_consumers`)";
    let Ok(Answer { html }) = serde_json::from_slice(&message.body) else {
        let why = format!("the answer is not what the markup service sends: `{}`", excerpt(&message.body));
        return Finding::failed(Code::Garbage, why, WHO);
    };
    if html.contains(HTML) {
        return Finding::passed("Markdown comes back as HTML");
    }
    let html = excerpt(html.as_bytes());
    Finding::failed(Code::WrongAnswer, format!("`{MARKDOWN}` came back as `{html}`, without `{HTML}`"), WHO)
}

async fn call(connection: &mut Connection, queue: &str) -> Result<Finding, AmqpError> {
    let depth = connection.depth(queue).await?;
    if depth.consumers == 0 {
        return Ok(Finding::failed(
            Code::NoConsumer,
            format!("nobody consumes the queue `{queue}`, in which {} messages wait", depth.messages),
            "start the markup service, and read its log if it ends again",
        ));
    }
    let request = Request {
        headers: Vec::new(),
        correlation_id: Uuid::new_v4().to_string(),
        expiration_ms: LIFETIME_MS,
        body: serde_json::json!({ "md": MARKDOWN }).to_string().into_bytes(),
    };
    let sent = Instant::now();
    connection.request(queue, &request).await?;
    loop {
        let incoming = connection.next().await?;
        if let Some(trouble) = incoming.trouble(queue) {
            return Ok(trouble);
        }
        if let Incoming::Message(message) = incoming
            && message.correlation_id.as_ref() == Some(&request.correlation_id)
        {
            let ms = (sent.elapsed().as_secs_f64() * 100_000.0).round() / 100.0;
            return Ok(judge(&message).measured(Measurement::new("round_trip", ms, "ms")));
        }
    }
}

async fn look(scope: &Scope) -> Result<Finding, Finding> {
    let config = scope.config();
    let queue = &config.markup.queue;
    let patience = scope.remaining().saturating_sub(MARGIN);
    let mut connection = Connection::open(scope, &config.broker).await?;
    let called = timeout(patience, call(&mut connection, queue)).await;
    connection.close().await;
    match called {
        Ok(Ok(finding)) => Ok(finding),
        Ok(Err(error)) if error.is_not_found() => Err(Finding {
            hint: Some("start the markup service, which makes its queue".to_owned()),
            ..no_queue(queue)
        }),
        Ok(Err(error)) => Err(error.finding(&config.broker.server)),
        Err(_) => Err(Finding::failed(
            Code::Timeout,
            format!(
                "no answer through `{queue}` within {:.1} s, though it has a consumer",
                patience.as_secs_f64()
            ),
            "the markup service hangs: restart it and read its log",
        )),
    }
}

#[async_trait]
impl Check for MarkupRpc {
    fn spec(&self) -> &CheckSpec {
        &self.0
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        vec![look(scope).await.unwrap_or_else(|finding| finding)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(body: &[u8]) -> Code {
        judge(&Message { body: body.to_vec(), ..Message::default() }).code
    }

    #[test]
    fn html_with_emphasis_passes_and_nothing_else() {
        assert_eq!(code(br#"{"html": "<p><em>x</em></p>\n"}"#), Code::Ok);
        assert_eq!(code(br#"{"html": "<p>*x*</p>"}"#), Code::WrongAnswer);
        for garbage in [&b"<em>x</em>"[..], b"{}", b"{\"html\": 1}", b"\xff"] {
            assert_eq!(code(garbage), Code::Garbage);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(body in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_ne!(code(&body), Code::Ok);
        }
    }
}
