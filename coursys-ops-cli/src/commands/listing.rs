//! `check --list` and `check --explain`: what there is to be looked at, without looking.

use coursys_ops_core::model::{CheckSpec, Effects, Location, SCHEMA, Tier};
use coursys_ops_core::render::{self, Format};
use serde::Serialize;

use crate::failure::Failure;
use crate::{output, terminal};

/// Wider than this, in columns, the eye loses its line.
const WIDEST: usize = 100;

/// One check in `--format json`.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    title: &'a str,
    tier: Tier,
    location: &'a Location,
    effects: Effects,
    component: Option<&'a str>,
    needs: &'a [String],
    timeout_ms: u128,
    interval_ms: Option<u128>,
    explanation: &'a str,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    checks: Vec<Entry<'a>>,
}

/// One line a check: id, tier, title.
pub fn list(specs: &[&CheckSpec], format: Format) -> Result<u8, Failure> {
    let widest = specs.iter().map(|spec| spec.id.chars().count()).max().unwrap_or(0);
    let line = |spec: &&CheckSpec| format!("{:widest$}  {:6}  {}\n", spec.id, spec.tier, spec.title);
    tell(specs, format, || specs.iter().map(line).collect())
}

/// All that is known about each check.
pub fn explain(specs: &[&CheckSpec], format: Format) -> Result<u8, Failure> {
    tell(specs, format, || specs.iter().copied().map(article).collect::<Vec<_>>().join("\n"))
}

fn tell(specs: &[&CheckSpec], format: Format, text: impl FnOnce() -> String) -> Result<u8, Failure> {
    let text = match format {
        Format::Text => terminal::harmless(&text()) + "\n",
        Format::Json => json(specs)?,
        other => {
            return Err(Failure::usage(format!("`--format {other}` has no list of checks"))
                .with_hint("use `--format text` or `--format json`"));
        }
    };
    output::print(&text)?;
    Ok(0)
}

fn json(specs: &[&CheckSpec]) -> Result<String, Failure> {
    let checks = specs.iter().map(|spec| Entry {
        id: &spec.id,
        title: &spec.title,
        tier: spec.tier,
        location: &spec.location,
        effects: spec.effects,
        component: spec.component.as_deref(),
        needs: &spec.needs,
        timeout_ms: spec.timeout.as_millis(),
        interval_ms: spec.interval.map(|interval| interval.as_millis()),
        explanation: &spec.explanation,
    });
    let document = Document { schema: SCHEMA, checks: checks.collect() };
    let text = serde_json::to_string_pretty(&document).map_err(Failure::refused)?;
    Ok(text + "\n")
}

fn article(spec: &CheckSpec) -> String {
    let location = match &spec.location {
        Location::Local => "on this machine".to_owned(),
        Location::Queue(queue) => format!("in the workers of queue `{queue}`"),
    };
    let mut rows = vec![
        ("tier", spec.tier.to_string()),
        ("looks", location),
        ("effects", spec.effects.meaning().to_owned()),
        ("timeout", format!("{} s", spec.timeout.as_secs_f64())),
    ];
    if !spec.needs.is_empty() {
        rows.push(("needs", spec.needs.join(", ")));
    }
    if let Some(component) = &spec.component {
        rows.push(("component", component.clone()));
    }
    if let Some(interval) = spec.interval {
        rows.push(("interval", format!("at most once in {} s within one process", interval.as_secs_f64())));
    }
    rows.push(("when silent", spec.timeout_hint.clone()));
    let width = terminal::width().min(WIDEST);
    let row = |(name, value): &(&str, String)| hanging(&format!("  {name:<11} "), value, width);
    let rows: String = rows.iter().map(row).collect();
    let paragraphs = spec.explanation.trim().lines();
    let explanation: String = paragraphs.map(|paragraph| hanging("  ", paragraph, width)).collect();
    let gap = if explanation.is_empty() { "" } else { "\n" };
    format!("{}: {}\n{rows}{gap}{explanation}", spec.id, spec.title)
}

/// `text` behind `label`, in lines of at most `width` columns, the later ones below the first.
fn hanging(label: &str, text: &str, width: usize) -> String {
    let room = width.saturating_sub(label.len());
    let lines = render::text::wrap(text.trim_end(), room);
    let below = " ".repeat(label.len());
    let line = |(n, line): (usize, &String)| {
        let line = format!("{}{line}", if n == 0 { label } else { &below });
        format!("{}\n", line.trim_end())
    };
    lines.iter().enumerate().map(line).collect()
}
