//! `celery.beat`: the scheduler gives out its tasks, and they are done.

use std::time::Duration;

use async_trait::async_trait;
use coursys_ops_core::config::Celery;
use coursys_ops_core::model::{CheckSpec, Code, Finding, Measurement};
use coursys_ops_core::service::check_id;
use coursys_ops_core::{Check, Scope};
use jiff::Timestamp;
use serde_json::Value;

use crate::celery_queue::{self, Mood};
use crate::{database_connection, univ};

/// Where the site's task stores the time.
const KEY: &str = "celery-beat-time";

/// How far ahead a marker may be before a clock is wrong, in seconds: clocks of several machines differ a little.
const AHEAD_S: f64 = 10.0;

const EXPLANATION: &str = "\
Reads when the site's task `beat_test` ran last. Celery beat gives it out every five minutes, and it stores the time in \
the settings of the unit `univ` (`celery-beat-time` in `coredata_unit.config`). Older than `celery.beat_max_age_s` is a \
failure. Nothing is written.

Beat gives out everything that happens by the clock: backups, imports, reminders. It can die without anybody noticing.

When it fails: `stale` with a good queue means that beat does not run or does not reach the broker: see `systemctl status \
celerybeat` and its log, and restart it; the marker follows within five minutes. After a maintenance or right after \
beat's start the old marker is normal. `no_marker` means that the task never ran on this database.";

/// One row of one table; together with what the check needs it must fit into a run, in milliseconds.
const TIMEOUT: Duration = Duration::from_millis(3500);

/// Looks how old the beat's marker is.
#[derive(Debug)]
pub struct CeleryBeat {
    spec: CheckSpec,
    /// That of the queue on which the task runs.
    mood: Mood,
}

impl CeleryBeat {
    /// The check; `mood` is that of the queue on which the task runs.
    #[must_use]
    pub fn new(celery: &Celery, mood: Mood) -> Self {
        let mut spec = CheckSpec::new("celery.beat", "Celery beat")
            .component("celerybeat")
            .needs(check_id("celerybeat"))
            .needs(database_connection::ID)
            .timeout(TIMEOUT)
            .timeout_hint("the table `coredata_unit` may be locked: look at `SHOW PROCESSLIST`")
            .explanation(EXPLANATION);
        if celery.queues.contains(&celery.beat_queue) {
            spec = spec.needs(celery_queue::id(&celery.beat_queue));
        }
        Self { spec, mood }
    }
}

/// The time of the marker, in seconds since 1970.
fn marker(settings: Option<&[u8]>) -> Result<f64, Finding> {
    let no_marker = |why: &str| {
        Finding::failed(
            Code::NoMarker,
            format!("the task that shows Celery beat alive never left its mark: {why}"),
            "see whether beat runs, and whether its schedule has `coredata.tasks.beat_test`",
        )
    };
    let garbage = |why: String| {
        Finding::failed(
            Code::Garbage,
            why,
            "look at the row `univ` of `coredata_unit`: the site cannot read its settings either",
        )
    };
    let settings = settings.ok_or_else(|| no_marker("`coredata_unit` has no row `univ`"))?;
    // What the site itself takes for no settings.
    if settings.trim_ascii().is_empty() {
        return Err(no_marker("the settings of `univ` are empty"));
    }
    let settings: Value = serde_json::from_slice(settings)
        .map_err(|error| garbage(format!("the settings of `univ` are not JSON: {error}")))?;
    let Some(settings) = settings.as_object() else {
        return Err(garbage("the settings of `univ` are no JSON object".to_owned()));
    };
    let time = match settings.get(KEY) {
        None | Some(Value::Null) => {
            return Err(no_marker(&format!("the settings of `univ` have no `{KEY}`")));
        }
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    time.filter(|time| time.is_finite()).ok_or_else(|| garbage(format!("`{KEY}` of `univ` is no time")))
}

/// Judges a marker; `busy` says that the queue on which the task runs is busy with long tasks.
fn judge(time: f64, now: Timestamp, celery: &Celery, busy: bool) -> Finding {
    let now = now.as_duration().as_secs_f64();
    let age = (now - time).round();
    #[allow(clippy::cast_precision_loss, reason = "a limit of seconds is far below 2^52")]
    let limit = celery.beat_max_age_s as f64;
    let queue = &celery.beat_queue;
    let finding = if age < -AHEAD_S {
        Finding::failed(
            Code::ClockOff,
            format!("the mark of Celery beat is {} s in the future", -age),
            "compare the clocks of this machine and of the workers': one of them is, or was, wrong",
        )
    } else if age < limit {
        Finding::passed(format!("Celery beat's task ran {} s ago", age.max(0.0)))
    } else if busy {
        Finding::warning(
            Code::Busy,
            format!("Celery beat's task ran {age} s ago; it waits behind the long tasks of `{queue}`"),
            format!("look again when `{queue}` has come to its end"),
        )
    } else {
        Finding::failed(
            Code::Stale,
            format!("Celery beat's task ran {age} s ago, more than {limit} s"),
            "restart Celery beat and read its log; the mark follows within five minutes",
        )
    };
    finding.measured(Measurement::new("age", age, "s").critical_at(limit))
}

#[async_trait]
impl Check for CeleryBeat {
    fn spec(&self) -> &CheckSpec {
        &self.spec
    }

    async fn look(&self, scope: &Scope) -> Vec<Finding> {
        let config = scope.config();
        let settings = univ::settings(scope).await;
        let time = settings.and_then(|settings| marker(settings.as_deref()));
        vec![match time {
            Ok(time) => judge(time, scope.context().clock.now(), &config.celery, self.mood.is_busy()),
            Err(finding) => finding,
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn celery() -> Celery {
        Celery { beat_max_age_s: 1200, ..crate::testing::config().celery }
    }

    fn code(time: f64, busy: bool) -> Code {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        judge(time, now, &celery(), busy).code
    }

    #[test]
    fn a_marker_is_good_until_it_is_as_old_as_the_limit() {
        assert_eq!(code(1_800_000_000.0, false), Code::Ok);
        assert_eq!(code(1_800_000_000.0 - 1199.0, false), Code::Ok);
        assert_eq!(code(1_800_000_000.0 - 1200.0, false), Code::Stale);
        assert_eq!(code(1_800_000_000.0 + 9.0, false), Code::Ok);
        assert_eq!(code(1_800_000_000.0 + 60.0, false), Code::ClockOff);
    }

    #[test]
    fn an_old_marker_behind_long_tasks_is_no_failure() {
        assert_eq!(code(0.0, true), Code::Busy);
        assert_eq!(code(1_800_000_000.0, true), Code::Ok);
    }

    #[test]
    fn a_marker_is_a_number_or_a_text_of_one() {
        assert_eq!(marker(Some(br#"{"celery-beat-time": 17.5, "x": []}"#)), Ok(17.5));
        assert_eq!(marker(Some(br#"{"celery-beat-time": "18"}"#)), Ok(18.0));
        let code = |settings: Option<&[u8]>| marker(settings).unwrap_err().code;
        assert_eq!(code(None), Code::NoMarker);
        assert_eq!(code(Some(b" ")), Code::NoMarker);
        assert_eq!(code(Some(b"{}")), Code::NoMarker);
        assert_eq!(code(Some(br#"{"celery-beat-time": null}"#)), Code::NoMarker);
        for garbage in [
            &b"{"[..],
            b"[]",
            b"\xff\xfe",
            br#"{"celery-beat-time": "now"}"#,
            br#"{"celery-beat-time": "inf"}"#,
            br#"{"celery-beat-time": []}"#,
        ] {
            assert_eq!(code(Some(garbage)), Code::Garbage, "{}", garbage.escape_ascii());
        }
    }
}
