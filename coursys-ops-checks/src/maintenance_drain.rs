//! The built-in step that waits until nothing is left in the queues.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use coursys_ops_core::Scope;
use coursys_ops_core::drain::{Drain as Course, Seen, Stand};
use coursys_ops_core::queues::Queues;
use coursys_ops_core::run::{BuiltIn, Doing};
use jiff::{SignedDuration, Timestamp};

use crate::broker_patience::in_time;
use crate::maintenance_tasks::{PATIENCE as OF_BROKER, Whose, consume, tasks};
use crate::queues;
use crate::words::told;
use crate::workers::{Answers, Control};

/// From the end of one look to the start of the next.
const PAUSE: Duration = Duration::from_millis(500);

/// A look takes a second or two: the broker's own tool is slow, and on a busy machine very slow.
const LOOK: Duration = Duration::from_secs(30);

/// What is left of the step's deadline when a look is given up, to tell the verdict.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// How often what is worth telling is told again that only grew older.
const REMINDER: Duration = Duration::from_secs(15);

/// So many looks lie between two attempts to let idle nodes consume.
const ROUSE_EVERY: u32 = 10;

/// Waits until nothing is left in the queues, or until what is left goes by nobody's work.
pub struct Drain;

/// What one look gave.
struct Look {
    queues: Queues,
    begun: Option<BTreeMap<String, u64>>,
    elsewhere: Vec<String>,
}

#[async_trait]
impl BuiltIn for Drain {
    async fn carry_out(&self, arguments: &BTreeMap<String, String>, doing: &Doing<'_>) -> Result<(), String> {
        let seconds = arguments.get("until").and_then(|text| text.parse().ok()).unwrap_or(0);
        let patience = Duration::from_secs(seconds);
        let scope = doing.scope();
        let began = Instant::now();
        let until = later(scope.context().clock.now(), patience);
        let mut course = Course::default();
        let mut told = Told::default();
        let mut known = BTreeSet::new();
        let mut last: Option<Look> = None;
        let mut looks: u32 = 0;
        loop {
            let blind = match look(scope, &mut known).await {
                Ok(look) => {
                    if looks.is_multiple_of(ROUSE_EVERY) && has_idle(&look.queues) {
                        // A maintenance that was not finished has told them to take no tasks.
                        drop(consume(scope, Whose::Running).await);
                    }
                    looks = looks.saturating_add(1);
                    let seen = Seen {
                        queues: &look.queues,
                        begun: look.begun.clone(),
                        elsewhere: &look.elsewhere,
                        elapsed: began.elapsed(),
                        until,
                    };
                    match course.take(&seen) {
                        Stand::Drained => {
                            look.queues.notes.iter().for_each(|note| doing.say(note.as_str()));
                            doing.say("drained: nothing is left in the queues");
                            return Ok(());
                        }
                        Stand::Hopeless(why) => {
                            return Err(format!(
                                "not drained, and nobody does what is left: {}",
                                why.join("; ")
                            ));
                        }
                        Stand::Unknown(why) => {
                            return Err(format!(
                                "not drained, as far as anybody can tell: {}",
                                why.join("; ")
                            ));
                        }
                        Stand::Going(progress, notable) => {
                            if progress.total > 0 {
                                doing.progress(progress);
                            }
                            told.tell(doing, notable);
                        }
                    }
                    last = Some(look);
                    None
                }
                Err(why) => {
                    let line = format!("the queues cannot be looked at: {why}");
                    told.tell(doing, vec![line.clone()]);
                    Some(line)
                }
            };
            let left = || {
                let known = last.as_ref().map(|look| remains(&course, look)).unwrap_or_default();
                known.into_iter().chain(blind.clone()).collect::<Vec<_>>().join("; ")
            };
            if began.elapsed() >= patience {
                return Err(format!("not drained within {}: {}", words(patience), left()));
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = doing.to_stop().cancelled() => return Err(format!("stopped, and not drained: {}", left())),
            }
        }
    }
}

/// What is left, in words.
fn remains(course: &Course, look: &Look) -> Vec<String> {
    if look.elsewhere.is_empty() { course.remains(&look.queues) } else { look.elsewhere.clone() }
}

fn later(now: Timestamp, patience: Duration) -> Timestamp {
    let patience = SignedDuration::try_from(patience).unwrap_or(SignedDuration::MAX);
    now.checked_add(patience).unwrap_or(Timestamp::MAX)
}

/// Seconds, and minutes where there are some.
fn words(patience: Duration) -> String {
    match patience.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// Tells what is worth telling, and not the same again and again.
#[derive(Default)]
struct Told {
    lines: Vec<String>,
    at: Option<Instant>,
}

impl Told {
    fn tell(&mut self, doing: &Doing<'_>, lines: Vec<String>) {
        let bare = |line: &String| line.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        let known: BTreeSet<String> = self.lines.iter().map(bare).collect();
        let again = self.at.is_none_or(|at| at.elapsed() >= REMINDER);
        for line in &lines {
            if again || !known.contains(&bare(line)) {
                doing.say(line.as_str());
            }
        }
        if again {
            self.at = Some(Instant::now());
        }
        self.lines = lines;
    }
}

fn has_idle(queues: &Queues) -> bool {
    queues.queues.iter().any(|queue| queue.exists && queue.consumers == Some(0))
}

/// Looks once; a look that does not come back is given up, the next one may.
async fn look(scope: &Scope, known: &mut BTreeSet<String>) -> Result<Look, String> {
    let patience = LOOK.min(scope.remaining().saturating_sub(LAST_WORDS));
    let scope = scope.clone().until(Instant::now() + patience);
    let work = async {
        let queues = async { queues::look(&scope).await.map_err(|finding| finding.message) };
        // The tool of a broker that does not answer takes longer than the broker is waited for.
        tokio::try_join!(queues, ask(&scope, known))
    };
    let looked = tokio::time::timeout(patience, work).await;
    let (queues, answers) =
        looked.unwrap_or_else(|_| Err(format!("no answer within {} s", patience.as_secs())))?;
    known.extend(answers.keys().cloned());
    let consuming = |node: &String| queues.queues.iter().any(|queue| queue.nodes.contains(node));
    let now = scope.context().clock.now().as_duration().as_secs_f64();
    let elsewhere: Answers = answers
        .iter()
        .filter(|(node, _)| !consuming(node))
        .map(|(node, said)| (node.clone(), said.clone()))
        .collect();
    let elsewhere = tasks(&elsewhere, now);
    Ok(Look { queues, begun: Some(begun(&answers)), elsewhere })
}

async fn ask(scope: &Scope, known: &BTreeSet<String>) -> Result<Answers, String> {
    let conversation = async {
        let mut control = Control::open(scope).await?;
        let answers = control.ask(&["stats", "active", "reserved"], known).await;
        control.close().await;
        answers.map_err(|error| error.finding(&scope.config().broker.server))
    };
    in_time(scope, OF_BROKER, conversation).await.map_err(told)
}

/// How many tasks each node has begun.
fn begun(answers: &Answers) -> BTreeMap<String, u64> {
    let count = |said: &BTreeMap<&'static str, serde_json::Value>| {
        let total = said.get("stats")?.get("total")?.as_object()?;
        Some(total.values().filter_map(serde_json::Value::as_u64).fold(0_u64, u64::saturating_add))
    };
    answers.iter().map(|(node, said)| (node.clone(), count(said).unwrap_or(0))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tasks_that_a_node_has_begun_are_counted_whatever_it_answers() {
        let said = |stats| BTreeMap::from([("n@h".to_owned(), BTreeMap::from([("stats", stats)]))]);
        assert_eq!(begun(&said(json!({"total": {"a": 3, "b": 4}})))["n@h"], 7);
        for odd in [json!({"error": "x"}), json!([]), json!({"total": {"a": "x"}})] {
            assert_eq!(begun(&said(odd))["n@h"], 0);
        }
    }
}
