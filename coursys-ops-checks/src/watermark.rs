//! Elasticsearch's disk watermarks: below how much free space it stops doing what.

use serde_json::Value;

/// How full a disk may be, in the two ways in which that is configured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Watermark {
    /// So much may be used, in per cent: `90%`, or `0.9`.
    UsedPercent(f64),
    /// So many bytes must be free: `500mb`.
    FreeBytes(f64),
}

/// The units of Elasticsearch's sizes; each is 1024 of the one before it.
const UNITS: [&str; 6] = ["b", "kb", "mb", "gb", "tb", "pb"];

impl Watermark {
    /// Reads a setting.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        if let Some(percent) = text.strip_suffix('%') {
            return within(percent, 100.0).map(Self::UsedPercent);
        }
        let unit = text.find(|c: char| c.is_ascii_alphabetic());
        let Some((number, unit)) = unit.and_then(|at| text.split_at_checked(at)) else {
            return within(&text, 1.0).map(|ratio| Self::UsedPercent(ratio * 100.0));
        };
        let power = UNITS.iter().position(|known| *known == unit || known.strip_suffix('b') == Some(unit))?;
        let size = number.trim().parse::<f64>().ok().filter(|size| size.is_finite() && *size >= 0.0)?;
        Some(Self::FreeBytes(size * 1024_f64.powi(i32::try_from(power).ok()?)))
    }

    /// How many bytes must be free on a disk of this size.
    pub(crate) fn free_bytes(self, total: f64) -> f64 {
        match self {
            Self::UsedPercent(used) => total * (100.0 - used) / 100.0,
            Self::FreeBytes(bytes) => bytes,
        }
    }
}

fn within(number: &str, most: f64) -> Option<f64> {
    number.trim().parse::<f64>().ok().filter(|number| (0.0..=most).contains(number))
}

/// The watermarks of a cluster that has them switched on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Watermarks {
    /// Below this it is urgent: indices become read-only, or, before version 6, no index can be made.
    pub(crate) urgent: Option<Watermark>,
    /// What `urgent` is called.
    pub(crate) name: &'static str,
    /// Below this copies find no place.
    pub(crate) early: Option<Watermark>,
}

impl Watermarks {
    /// Those in the answer of `_cluster/settings`; nothing when they are switched off.
    pub(crate) fn of(settings: &Value) -> Option<Self> {
        if setting(settings, "threshold_enabled").is_some_and(|text| text == "false") {
            return None;
        }
        let mark = |name: &str| Watermark::parse(&setting(settings, &format!("watermark/{name}"))?);
        let (low, high, flood) = (mark("low"), mark("high"), mark("flood_stage"));
        Some(match flood {
            Some(_) => Self { urgent: flood, name: "flood_stage", early: high },
            None => Self { urgent: high, name: "high", early: low },
        })
    }
}

/// A setting below `cluster.routing.allocation.disk`, from the layer that counts.
fn setting(settings: &Value, name: &str) -> Option<String> {
    ["transient", "persistent", "defaults"].iter().find_map(|layer| {
        let value = settings.pointer(&format!("/{layer}/cluster/routing/allocation/disk/{name}"))?;
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Bool(on) => Some(on.to_string()),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_watermark_is_a_used_share_or_free_bytes() {
        for (text, expected) in [
            ("95%", Some(Watermark::UsedPercent(95.0))),
            ("0.5", Some(Watermark::UsedPercent(50.0))),
            ("500mb", Some(Watermark::FreeBytes(500.0 * 1_048_576.0))),
            ("1.5GB", Some(Watermark::FreeBytes(1.5 * 1_073_741_824.0))),
            ("10b", Some(Watermark::FreeBytes(10.0))),
            ("2k", Some(Watermark::FreeBytes(2048.0))),
            ("95", None),
            ("101%", None),
            ("-5gb", None),
            ("many", None),
            ("", None),
        ] {
            assert_eq!(Watermark::parse(text), expected, "{text}");
        }
        assert_eq!(Watermark::UsedPercent(90.0).free_bytes(1000.0), 100.0);
        assert_eq!(Watermark::FreeBytes(7.0).free_bytes(1000.0), 7.0);
    }

    #[test]
    fn a_setting_of_a_cluster_counts_before_the_default_and_a_version_without_flood_stage_has_a_high_one() {
        let disk = |layer: &str, disk: Value| json!({layer: {"cluster": {"routing": {"allocation": {"disk": disk}}}}});
        let five = disk(
            "defaults",
            json!({"threshold_enabled": "true", "watermark": {"low": "85%", "high": "90%"}}),
        );
        let marks = Watermarks::of(&five).unwrap();
        assert_eq!((marks.name, marks.urgent), ("high", Some(Watermark::UsedPercent(90.0))));
        let mut seven = disk(
            "defaults",
            json!({"watermark": {"high": "90%", "flood_stage": "95%", "flood_stage.frozen": "95%"}}),
        );
        assert_eq!(Watermarks::of(&seven).unwrap().urgent, Some(Watermark::UsedPercent(95.0)));
        seven["transient"] = disk("x", json!({"watermark": {"flood_stage": "5gb"}}))["x"].clone();
        assert_eq!(Watermarks::of(&seven).unwrap().urgent, Some(Watermark::FreeBytes(5.0 * 1_073_741_824.0)));
        seven["persistent"] = disk("x", json!({"threshold_enabled": false}))["x"].clone();
        assert_eq!(Watermarks::of(&seven), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_watermark_or_none(text in "\\PC{0,20}|[0-9.]{1,5}[kmgtpb%]{0,2}") {
            if let Some(mark) = Watermark::parse(&text) {
                prop_assert!(mark.free_bytes(1e12).is_finite());
            }
        }
    }
}
