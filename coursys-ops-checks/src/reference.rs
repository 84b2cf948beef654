//! The generated text of `docs/checks.md`: every check with what it looks at, and every code that a finding may have.

use std::fmt::Write as _;

use coursys_ops_core::config::Config;
use coursys_ops_core::model::{CheckSpec, Code};

/// What stands above the table.
const INTRODUCTION: &str = include_str!("reference.md");

/// The queue whose check stands for those of all queues.
const ANY_QUEUE: &str = "QUEUE";

/// The text of `docs/checks.md`: the checks of this configuration with one queue for all, and the closed list of codes.
#[must_use]
pub fn reference(mut config: Config) -> String {
    config.celery.queues = vec![ANY_QUEUE.to_owned()];
    ANY_QUEUE.clone_into(&mut config.celery.beat_queue);
    config.celery.long_queues.clear();
    let checks = crate::all(&config);
    let mut text = INTRODUCTION.to_owned();
    text += "\n| id | what | tier | component | needs |\n|---|---|---|---|---|\n";
    for check in &checks {
        text += &row(check.spec());
    }
    for check in &checks {
        text += &article(check.spec());
    }
    text += "\n## Codes\n\nThe closed list of what a finding may be; scripts need not read messages.\n\n";
    text += "| code | meaning |\n|---|---|\n";
    for code in Code::ALL {
        let _ = writeln!(text, "| `{code}` | {} |", code.meaning());
    }
    text
}

fn row(spec: &CheckSpec) -> String {
    let component = spec.component.as_ref().map(|name| format!("`{name}`")).unwrap_or_default();
    let needs = spec.needs.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
    let (id, title, tier) = (&spec.id, &spec.title, spec.tier);
    format!("| [`{id}`](#{}) | {title} | {tier} | {component} | {needs} |\n", anchor(id))
}

/// What the heading of an id is linked by: such links lose their dots and keep everything else.
fn anchor(id: &str) -> String {
    id.to_lowercase().replace('.', "")
}

fn article(spec: &CheckSpec) -> String {
    let mut text = format!("\n## {}\n\n{}: {}; timeout ", spec.id, spec.title, spec.effects.meaning());
    let _ = write!(text, "{} s", spec.timeout.as_secs_f64());
    if let Some(interval) = spec.interval {
        let _ = write!(text, "; at most once in {} s within one process", interval.as_secs_f64());
    }
    let _ = writeln!(text, ".\n\n{}", spec.explanation.trim());
    let _ = writeln!(text, "\nWhen it gives no answer in time: {}.", spec.timeout_hint.trim_end_matches('.'));
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use coursys_ops_core::config::{Sources, load};

    use super::*;

    #[test]
    fn the_reference_is_in_step_with_the_checks() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/checks.md"));
        let expected = reference(load(&Sources::default()).unwrap().config);
        if std::env::var_os("COURSYS_OPS_BLESS").is_some() {
            std::fs::write(path, &expected).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == expected,
            "docs/checks.md is out of step with the checks; renew it with\n\
             COURSYS_OPS_BLESS=1 cargo test -p coursys-ops-checks the_reference_is_in_step_with_the_checks"
        );
    }
}
