//! Who wants the maintenance, why, and what was stopped for it: the content of the flag.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// No flag of ours is longer, in bytes.
pub(super) const LONGEST: u64 = 16 << 10;

/// The longest text in it, in characters: a name, a reason.
const LONGEST_TEXT: usize = 500;

/// More components than this no layout stops.
const MOST_STOPPED: usize = 32;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeasePhase {
    /// New requests are refused; what runs is waited for.
    Entering,
    /// New requests are refused; the workers run until nothing is left for them to do.
    Draining,
    /// Proven: nothing runs.
    On,
    /// What ran before is being started.
    Leaving,
}

/// The content of a flag of ours. The site's user may write it, so it is believed only in what harms nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// What tells it from another: a flag is changed only by who knows it.
    pub id: String,
    /// The person.
    pub who: String,
    /// The reason that was given; may be empty.
    pub why: String,
    /// When it began.
    #[serde(with = "seconds")]
    pub since: Timestamp,
    /// When it should be over. It ends nothing by itself.
    #[serde(with = "optional_seconds")]
    pub until: Option<Timestamp>,
    /// How far it is.
    pub phase: LeasePhase,
    /// What ran before and is to run again.
    pub stopped: Vec<String>,
}

mod seconds {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&super::whole(*at).to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

mod optional_seconds {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde wants it so")]
    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, out: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => out.serialize_some(&super::whole(*at).to_string()),
            None => out.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

/// Without fractions of a second, which nobody wants to read.
fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// A text that fits on a line and shows what is in it.
fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_TEXT).collect()
}

impl Lease {
    /// The same in another phase.
    #[must_use]
    pub fn in_phase(&self, phase: LeasePhase) -> Self {
        Self { phase, ..self.clone() }
    }

    /// Whether its time is over.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// The content of the flag.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut lease = self.clone();
        (lease.who, lease.why) = (tame(&self.who), tame(&self.why));
        // Nothing in it has no form in JSON.
        serde_json::to_string_pretty(&lease).unwrap_or_default() + "\n"
    }

    /// Reads the content of a flag; names that `known` does not know do not count.
    ///
    /// # Errors
    ///
    /// Why it is no lease, a few words.
    pub fn read(bytes: &[u8], known: impl Fn(&str) -> bool) -> Result<Self, String> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err("it is empty".to_owned());
        }
        let lease: Self =
            serde_json::from_slice(bytes).map_err(|_| "its content is none of coursys-ops".to_owned())?;
        let mut stopped: Vec<String> = Vec::new();
        for name in lease.stopped.into_iter().filter(|name| known(name)).take(MOST_STOPPED) {
            if !stopped.contains(&name) {
                stopped.push(name);
            }
        }
        let (id, who, why) = (tame(&lease.id), tame(&lease.who), tame(&lease.why));
        Ok(Self { id, who, why, since: lease.since, until: lease.until, phase: lease.phase, stopped })
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
