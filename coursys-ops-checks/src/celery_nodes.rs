//! `celery.nodes`: the workers that answer are those that should, each once, and of one version.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use async_trait::async_trait;
use coursys_ops_core::config::Celery;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};

use crate::broker_alarms;
use crate::garbage::excerpt;
use crate::workers::{Census, Node, Roll, Software};

/// More offenders than this are counted, not listed.
const LISTED: usize = 20;

const EXPLANATION: &str = "\
Asks all of Celery's nodes at once, by remote control, which queues they consume and which software they are, and listens \
for a moment. One node is expected on each queue of `celery.queues`, whatever it is called; or exactly those that \
`celery.nodes` lists. It asks only, and leaves nothing at the broker.

A worker too many does damage in silence. One that survived a restart goes on with yesterday's code, and takes every \
other task. One that somebody started elsewhere with the site's password does tasks where their files are not. Two of one \
name answer in turn, so that whoever asks sees one half of the truth. And workers with different versions of Celery may \
not understand each other's messages.

When it fails: `doubled_node` and `unexpected_node` name the node, which says what it was started as and on which machine \
(`NAME@HOST`). Find it there (`pgrep -af 'celery.*worker'`), stop it, and see why it was started: a unit that lost track \
of its process, a container that was replaced and not removed. If it belongs there, list the names in `celery.nodes`. \
`wrong_version`: restart the workers that still run the old packages. `missing_node`: one that `celery.nodes` lists does not answer; a \
queue that no node consumes any more is not told here but at `celery.queue.QUEUE`.";

/// Looks who consumes the site's queues.
#[derive(Debug)]
pub struct CeleryNodes {
    spec: CheckSpec,
    roll: Roll,
}

impl CeleryNodes {
    /// The check; `roll` is shared by all who ask the nodes.
    #[must_use]
    pub fn new(roll: Roll) -> Self {
        let spec = CheckSpec::new("celery.nodes", "Celery nodes")
            .component("celery")
            .needs(check_id("celery"))
            .needs(broker_alarms::ID)
            .timeout_hint("the broker stopped answering in the middle: read its log")
            .explanation(EXPLANATION);
        Self { spec, roll }
    }
}

/// What is wrong with the nodes.
fn judge(census: &Census, celery: &Celery) -> Vec<Finding> {
    if census.nodes.is_empty() {
        let why = "no node answers; `celery.queue.QUEUE` says what is wrong with each";
        return vec![Finding::skipped(Code::NotRunning, why)];
    }
    let mut findings = doubled(census, celery);
    findings.extend(unexpected(census, celery));
    findings.extend(missing(census, celery));
    findings.extend(versions(census));
    let more = findings.len().saturating_sub(LISTED);
    findings.truncate(LISTED);
    if more > 0 {
        findings.push(Finding::failed(
            Code::UnexpectedNode,
            format!("{more} more of the kind"),
            "mend those that are listed first",
        ));
    }
    if findings.is_empty() {
        let software = census.nodes.values().find_map(|node| node.software.as_ref());
        let software = software.map(|software| format!(", Celery {}", excerpt(software.celery.as_bytes())));
        findings.push(Finding::passed(format!(
            "{} nodes answer, each where it should be{}",
            census.nodes.len(),
            software.unwrap_or_default()
        )));
    }
    let count = u32::try_from(census.nodes.len()).map_or(f64::INFINITY, f64::from);
    if let Some(first) = findings.first_mut() {
        *first = first.clone().measured(Measurement::new("nodes", count, ""));
    }
    findings
}

/// Two processes of one name; or two nodes on one queue, unless both are listed.
fn doubled(census: &Census, celery: &Celery) -> Vec<Finding> {
    let twins = census.nodes.iter().filter(|(_, node)| node.is_doubled()).map(|(name, _)| {
        let name = excerpt(name.as_bytes());
        Finding::failed(
            Code::DoubledNode,
            format!("more than one process is called `{name}`"),
            "find them (`pgrep -af 'celery.*worker'`, on every machine that knows the broker) and stop the one that \
             its manager does not know",
        )
        .about(name)
    });
    let mut findings: Vec<Finding> = twins.collect();
    if !celery.nodes.is_empty() {
        return findings;
    }
    for queue in &celery.queues {
        let names: Vec<String> =
            census.nodes_of(queue).map(|(name, _)| format!("`{}`", excerpt(name.as_bytes()))).collect();
        if names.len() > 1 {
            findings.push(
                Finding::failed(
                    Code::DoubledNode,
                    format!("{} nodes consume the queue `{queue}`: {}", names.len(), listed(&names)),
                    "stop the one that should not be there; if all should, list the names of all nodes in \
                     `celery.nodes`",
                )
                .about(queue.as_str()),
            );
        }
    }
    findings
}

/// Nodes that nobody expects.
fn unexpected<'a>(census: &'a Census, celery: &'a Celery) -> impl Iterator<Item = Finding> + 'a {
    census.nodes.iter().filter_map(move |(name, node)| {
        let shown = excerpt(name.as_bytes());
        let queues = queues(node);
        let message = if !celery.nodes.is_empty() {
            (!is_listed(name, &celery.nodes))
                .then(|| format!("`{shown}` is not among the nodes that are expected{queues}"))
        } else {
            let of_site = |queues: &BTreeSet<String>| celery.queues.iter().any(|queue| queues.contains(queue));
            let foreign = node.queues.as_ref().is_some_and(|queues| !of_site(queues));
            foreign.then(|| format!("`{shown}` is a node of none of the site's queues{queues}"))
        }?;
        let hint = "find out who started it and stop it; if it belongs here, add it to `celery.nodes` (which must \
                    then list all), or its queue to `celery.queues`";
        Some(Finding::failed(Code::UnexpectedNode, message, hint).about(shown))
    })
}

/// Listed nodes that do not answer. A queue that has no node at all tells that itself.
fn missing<'a>(census: &'a Census, celery: &'a Celery) -> impl Iterator<Item = Finding> + 'a {
    let answers = |node: &String| census.nodes.keys().any(|name| is_listed(name, std::slice::from_ref(node)));
    let of_queue = |node: &String| {
        let short = node.split_once('@').map_or(node.as_str(), |(short, _)| short);
        celery.queues.iter().any(|queue| queue == short) && census.nodes_of(short).next().is_none()
    };
    celery.nodes.iter().filter(move |node| !answers(node) && !of_queue(node)).map(|node| {
        Finding::failed(
            Code::MissingNode,
            format!(
                "`{}` is among the nodes that are expected, and does not answer",
                excerpt(node.as_bytes())
            ),
            "see its log, and start it; if it is there no more, take it from `celery.nodes`",
        )
        .about(excerpt(node.as_bytes()))
    })
}

/// Whether a node is listed, by its whole name or by the part before the `@`.
fn is_listed(name: &str, nodes: &[String]) -> bool {
    let short = name.split_once('@').map_or(name, |(short, _)| short);
    nodes.iter().any(|node| node == name || node == short)
}

fn queues(node: &Node) -> String {
    let Some(queues) = node.queues.as_ref().filter(|queues| !queues.is_empty()) else { return String::new() };
    let names: Vec<String> = queues.iter().map(|queue| format!("`{}`", excerpt(queue.as_bytes()))).collect();
    format!("; it consumes {}", listed(&names))
}

/// Versions that differ: all but those that most nodes have.
fn versions(census: &Census) -> Option<Finding> {
    let mut nodes_of: BTreeMap<&Software, Vec<String>> = BTreeMap::new();
    for (name, node) in &census.nodes {
        if let Some(software) = &node.software {
            nodes_of.entry(software).or_default().push(format!("`{}`", excerpt(name.as_bytes())));
        }
    }
    if nodes_of.len() < 2 {
        return None;
    }
    let each = nodes_of.iter().map(|(software, nodes)| {
        let Software { celery, kombu, python } = software;
        let words = format!("Celery {celery} with kombu {kombu} on Python {python}");
        format!("{} at {}", excerpt(words.as_bytes()), listed(nodes))
    });
    Some(Finding::warning(
        Code::WrongVersion,
        format!("the workers run different software: {}", each.collect::<Vec<_>>().join("; ")),
        "restart all workers, so that they run the packages that are installed now",
    ))
}

fn listed(names: &[String]) -> String {
    const MOST: usize = 5;
    let more = names.len().saturating_sub(MOST);
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

#[async_trait]
impl Check for CeleryNodes {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        match self.roll.call(scope, Instant::now()).await {
            Ok(census) => judge(&census, &scope.config().celery),
            Err(finding) => vec![finding],
        }
    }
}

#[cfg(test)]
#[path = "celery_nodes_tests.rs"]
mod tests;
