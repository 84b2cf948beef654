//! Every queue of the broker, in whatever virtual host, by the broker's own tool: AMQP lists none.

use coursys_ops_core::Scope;
use coursys_ops_core::model::{Code, Finding};
use futures_util::future::try_join_all;
use serde::Deserialize;

use crate::garbage::excerpt;
use crate::rabbitmqctl::Control;

/// More virtual hosts than this nobody has beside the site's: each is a call of the tool.
pub const VHOSTS: usize = 8;

/// More queues than this are counted, not named.
const NAMED: usize = 8;

/// A queue as the tool lists it; a queue whose node is gone has no figures.
#[derive(Debug, Deserialize)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// How many messages it holds, those that somebody works on among them.
    #[serde(default)]
    pub messages: Option<u64>,
    /// How many take messages from it.
    #[serde(default)]
    pub consumers: Option<u64>,
    #[serde(default)]
    exclusive: bool,
    #[serde(default)]
    auto_delete: bool,
}

impl Queue {
    /// Whether it goes with its clients, as those do that Celery has for remote control, events and answers.
    pub const fn goes_with_its_clients(&self) -> bool {
        self.exclusive || self.auto_delete
    }
}

/// The figures of a queue that are asked for.
const COLUMNS: [&str; 5] = ["name", "messages", "consumers", "exclusive", "auto_delete"];

#[derive(Debug, Deserialize)]
struct Vhost {
    name: String,
}

/// The names of the virtual hosts.
///
/// # Errors
///
/// The finding that says why the tool does not tell.
pub async fn vhosts(scope: &Scope, control: &Control) -> Result<Vec<String>, Finding> {
    let vhosts: Vec<Vhost> = control.ask(scope, &["list_vhosts", "name"]).await?;
    Ok(vhosts.into_iter().map(|vhost| vhost.name).collect())
}

/// The queues of a virtual host.
///
/// # Errors
///
/// As [`vhosts`].
pub async fn queues(scope: &Scope, control: &Control, vhost: &str) -> Result<Vec<Queue>, Finding> {
    control.ask(scope, &[&["list_queues", "--vhost", vhost][..], &COLUMNS].concat()).await
}

/// Whether a broker that forgets everything would lose a message: every queue that stays without its clients is empty.
/// Nothing short of a count of zero will do.
///
/// # Errors
///
/// The finding that names what would be lost, or says why that cannot be told.
pub async fn nothing_to_lose(scope: &Scope) -> Result<(), Finding> {
    let control = Control::find(scope).await?;
    let own = &scope.config().broker.vhost;
    // Each call takes a second or more, and the site's own virtual host is known.
    let (all, queues_of_site) = tokio::try_join!(vhosts(scope, &control), queues(scope, &control, own))?;
    let others: Vec<&String> = all.iter().filter(|vhost| *vhost != own).collect();
    if others.len() > VHOSTS {
        let message = format!("the broker has {} virtual hosts, too many to look into", all.len());
        return Err(Finding::unknown(Code::TooMany, message).with_hint("look with `rabbitmqctl list_queues`"));
    }
    let of_others = try_join_all(others.iter().map(|vhost| queues(scope, &control, vhost))).await?;
    let of_others = others.into_iter().zip(of_others).flat_map(|(vhost, queues)| {
        queues.into_iter().map(move |queue| (format!("`{}` of `{vhost}`", queue.name), queue))
    });
    let of_site = queues_of_site.into_iter().map(|queue| (format!("`{}`", queue.name), queue));
    judge(of_site.chain(of_others))
}

fn judge(queues: impl Iterator<Item = (String, Queue)>) -> Result<(), Finding> {
    let full: Vec<String> = queues
        .filter(|(_, queue)| !queue.goes_with_its_clients() && queue.messages != Some(0))
        .map(|(name, queue)| {
            let messages =
                queue.messages.map_or_else(|| "an unknown number".to_owned(), |count| count.to_string());
            format!("{messages} in {}", excerpt(name.as_bytes()))
        })
        .collect();
    if full.is_empty() {
        return Ok(());
    }
    let more = full.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more queues") } else { String::new() };
    let named: Vec<String> = full.into_iter().take(NAMED).collect();
    let hint = "let Celery work them off first: `coursys-ops drain` closes the site and waits for that";
    Err(Finding::failed(Code::Backlog, format!("messages wait: {}{more}", named.join(", ")), hint))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(queues: &[Value]) -> Result<(), String> {
        let queues = queues.iter().map(|queue| {
            let queue: Queue = serde_json::from_value(queue.clone()).unwrap();
            (format!("`{}`", queue.name), queue)
        });
        judge(queues).map_err(|finding| finding.message)
    }

    #[test]
    fn a_message_in_any_queue_that_stays_would_be_lost() {
        assert_eq!(judged(&[json!({"name": "fast", "messages": 0})]), Ok(()));
        let foreign = json!({"name": "markdown2html_queue", "messages": 3, "consumers": 0});
        assert_eq!(judged(&[foreign]), Err("messages wait: 3 in `markdown2html_queue`".to_owned()));
    }

    #[test]
    fn what_goes_with_its_clients_is_nobodys_loss() {
        for key in ["exclusive", "auto_delete"] {
            assert_eq!(judged(&[json!({"name": "celeryev.x", "messages": 5, key: true})]), Ok(()));
        }
    }

    #[test]
    fn a_queue_that_nobody_counted_is_not_empty() {
        assert!(judged(&[json!({"name": "gone"})]).unwrap_err().contains("an unknown number"));
    }
}
