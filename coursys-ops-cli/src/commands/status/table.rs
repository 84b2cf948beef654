//! The table and the lines that people read.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use coursys_ops_checks::status::{Document, Entry, Line};
use coursys_ops_core::model::Status;
use coursys_ops_core::render::text::wrap;
use coursys_ops_core::service::{Part, State};

/// What stands in a cell of which nothing is known, and nobody could.
const NONE: &str = "-";

/// What stands in a cell that could not be seen; below the table it says why.
const UNSEEN: &str = "?";

const HEAD: [&str; 9] =
    ["component", "state", "since", "pid", "memory", "restarts", "boot", "health", "listens"];

/// The whole text, for a terminal of this width in columns.
pub fn render(document: &Document, width: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX)).set_header(HEAD);
    let now = document.at_ms();
    for entry in &document.components {
        for row in rows(entry, now) {
            table.add_row(row);
        }
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 1));
        if [3, 4, 5].contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    for block in [drift(document, width), site(&document.site, width), unseen(document, width)] {
        if !block.is_empty() {
            text.push('\n');
            text += &block;
        }
    }
    text.trim_end().to_owned()
}

/// One row for each part; the parts of a component of several stand below each other.
fn rows(entry: &Entry, now: i64) -> Vec<Vec<Cell>> {
    let several = entry.parts.len() > 1;
    let one = |(index, part): (usize, &Part)| {
        let name = match (several, index) {
            (true, _) => format!("{} ({})", entry.component, part.unit),
            (false, _) => entry.component.clone(),
        };
        let health = match (&entry.health, index) {
            (Some(health), 0) => match health.status {
                None => UNSEEN.to_owned(),
                Some(Status::Passed) => "ok".to_owned(),
                Some(status) => status.to_string(),
            },
            _ => NONE.to_owned(),
        };
        let cell = |name: &str, value: Option<String>| {
            Cell::new(match value {
                Some(value) => value,
                None if part.unseen.contains_key(name) => UNSEEN.to_owned(),
                None => NONE.to_owned(),
            })
        };
        let boot = part.enabled.map(|enabled| if enabled { "yes" } else { "no" }.to_owned());
        let listens = (!part.listens.is_empty()).then(|| part.listens.join(" "));
        let state = part.state.as_str();
        let noted = part.drift.iter().any(|drift| !drift.kind.is_note());
        vec![
            Cell::new(name),
            Cell::new(if noted { format!("{state} !") } else { state.to_owned() }),
            cell("since", part.since_ms.map(|since| age(now.saturating_sub(since)))),
            cell("main_pid", part.main_pid.map(|pid| pid.to_string())),
            cell("memory", part.memory_bytes.map(size)),
            cell("restarts", part.restarts.map(|count| count.to_string())),
            cell("enabled", boot),
            Cell::new(health),
            cell("listens", listens),
        ]
    };
    entry.parts.iter().enumerate().map(one).collect()
}

/// What is not as it should be, a line each.
fn drift(document: &Document, width: usize) -> String {
    let mut lines = Vec::new();
    for entry in &document.components {
        for part in &entry.parts {
            if !matches!(part.state, State::Running | State::Elsewhere | State::Absent | State::Unseen) {
                lines.push((entry.component.clone(), format!("{}: {}", part.unit, part.detail)));
            }
            if !part.waits_for.is_empty() {
                lines.push((entry.component.clone(), format!("waits for {}", part.waits_for.join(", "))));
            }
            for drift in &part.drift {
                let text = format!("{}: {}; {}", drift.kind.words(), drift.message, drift.hint);
                lines.push((entry.component.clone(), text));
            }
        }
        if let Some(health) = entry
            .health
            .as_ref()
            .filter(|health| health.status.is_some_and(|status| status != Status::Passed))
        {
            lines.push((entry.component.clone(), health.message.clone()));
        }
    }
    paragraph(&lines, width)
}

fn site(lines: &[Line], width: usize) -> String {
    let told = lines.iter().map(|line| {
        let mark = match line.status {
            Some(Status::Passed) | None => String::new(),
            Some(status) => format!("{status}: "),
        };
        (line.label.clone(), format!("{mark}{}", line.message))
    });
    paragraph(&told.collect::<Vec<_>>(), width)
}

/// Why cells hold a question mark, each reason once.
fn unseen(document: &Document, width: usize) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in &document.components {
        let health = entry.health.as_ref().filter(|health| health.status.is_none());
        if let Some(health) = health {
            reasons.entry(&health.message).or_default().push(&entry.component);
        }
        for why in entry.parts.iter().flat_map(|part| part.unseen.values()) {
            let names = reasons.entry(why).or_default();
            if !names.contains(&entry.component.as_str()) {
                names.push(&entry.component);
            }
        }
    }
    let lines = reasons
        .into_iter()
        .map(|(why, names)| ("not seen".to_owned(), format!("{}: {why}", names.join(", "))));
    paragraph(&lines.collect::<Vec<_>>(), width)
}

/// Labels and texts, the texts below each other.
fn paragraph(lines: &[(String, String)], width: usize) -> String {
    let widest = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or_default();
    let room = width.saturating_sub(widest + 2).max(20);
    let mut text = String::new();
    for (label, told) in lines {
        for (index, line) in wrap(told, room).iter().enumerate() {
            let label = if index == 0 { label.as_str() } else { "" };
            text += format!("{label:<widest$}  {line}").trim_end();
            text.push('\n');
        }
    }
    text
}

/// A time in milliseconds in its largest fitting unit: `45 s`, `12 min`, `3 h`, `9 d`.
fn age(ms: i64) -> String {
    let seconds = (ms / 1000).max(0);
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Bytes in MiB or GiB.
fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    let tenths = bytes.saturating_mul(10) / MIB;
    match bytes / MIB {
        ..10 => format!("{}.{} MiB", tenths / 10, tenths % 10),
        10..10_240 => format!("{} MiB", bytes / MIB),
        gib => format!("{} GiB", gib / 1024),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_told_in_its_largest_fitting_unit() {
        assert_eq!(
            [age(7000), age(600_000), age(14_400_000), age(864_000_000)],
            ["7 s", "10 min", "4 h", "10 d"]
        );
        assert_eq!([size(1 << 19), size(300 << 20), size(20 << 30)], ["0.5 MiB", "300 MiB", "20 GiB"]);
    }
}
