//! Prometheus' text format, for its text file collector or a scrape.

use std::collections::BTreeSet;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::figures::{figures, first_new};
use super::{RenderError, escape};
use crate::model::{Report, Status};

/// The report as metrics.
///
/// # Errors
///
/// None that is known; see [`RenderError`].
pub fn render(report: &Report) -> Result<String, RenderError> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Metrics(report.clone())));
    let mut text = String::new();
    // Without the end mark of OpenMetrics: the older format does not know it.
    encode_registry(&mut text, &registry)?;
    Ok(text)
}

/// Tells the metrics in the order of the report, which a family, being a hash map, would not.
#[derive(Debug)]
struct Metrics(Report);

/// The labels and the value of one sample.
type Sample = (Vec<(&'static str, String)>, f64);

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Report { run, .. } = &self.0;
        let mut tell = |name, help, samples| tell(&mut encoder, name, help, samples);
        tell("coursys_ops_check_status", "Whether the check has this status.", self.statuses())?;
        tell("coursys_ops_check_duration_seconds", "How long the check took.", self.durations())?;
        tell("coursys_ops_measurement", "A figure that a check measured, in its unit.", self.measurements())?;
        let single = |value| vec![(Vec::new(), value)];
        tell("coursys_ops_run_duration_seconds", "How long the run took.", single(run.duration_ms / 1000.0))?;
        let started: Option<Timestamp> = run.started_at.parse().ok();
        let started = started.map(|started| single(started.as_duration().as_secs_f64()));
        tell(
            "coursys_ops_run_timestamp_seconds",
            "When the run started, in seconds since 1970.",
            started.unwrap_or_default(),
        )?;
        tell("coursys_ops_run_exit_code", "What the program exits with.", single(f64::from(run.exit_code)))?;
        tell(
            "coursys_ops_run_abandoned",
            "Threads and processes that could not be stopped in time.",
            single(f64::from(run.abandoned)),
        )
    }
}

impl Metrics {
    /// A state set: each status of each check, 1 for the one that it has.
    fn statuses(&self) -> Vec<Sample> {
        let states = self.0.checks.iter().flat_map(|check| {
            Status::WORST_FIRST.into_iter().map(move |status| {
                let labels = vec![
                    ("id", escape::line(&check.id)),
                    ("tier", check.tier.to_string()),
                    ("status", status.to_string()),
                ];
                (labels, if status == check.status { 1.0 } else { 0.0 })
            })
        });
        states.collect()
    }

    fn durations(&self) -> Vec<Sample> {
        let of_check =
            self.0.checks.iter().filter_map(|check| {
                Some((vec![("id", escape::line(&check.id))], check.duration_ms? / 1000.0))
            });
        of_check.collect()
    }

    /// A sample that differs from another in its value only would be refused, so that its subject gets a number.
    fn measurements(&self) -> Vec<Sample> {
        let mut seen = BTreeSet::new();
        let samples = figures(&self.0).filter_map(|figure| {
            let measurement = figure.measurement;
            let labels = |n: usize| {
                let subject = escape::line(figure.subject);
                vec![
                    ("check", escape::line(figure.check)),
                    ("subject", if n == 1 { subject } else { format!("{subject} #{n}") }),
                    ("name", escape::line(&measurement.name)),
                    ("unit", escape::line(&measurement.unit)),
                ]
            };
            Some((first_new(&mut seen, (1..).map(labels))?, measurement.value))
        });
        samples.collect()
    }
}

/// One family of gauges; nothing when it has no samples.
fn tell(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    samples: Vec<Sample>,
) -> Result<(), std::fmt::Error> {
    if samples.is_empty() {
        return Ok(());
    }
    let kind = ConstGauge::new(0.0).metric_type();
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in samples {
        let gauge = ConstGauge::new(value);
        if labels.is_empty() {
            return gauge.encode(family);
        }
        gauge.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
