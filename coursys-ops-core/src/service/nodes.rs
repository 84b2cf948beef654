//! The nodes of Celery that a unit starts, beside the processes that there are: systemd is content as long as one lives.

use super::look::{Drift, DriftKind};
use crate::helper::Running;

/// The nodes that the unit names and of which no process is seen. Nothing where no process of any of them can be seen:
/// then the names are not to be trusted, or this user may not look.
pub(super) fn missing<'a>(expected: &'a [String], own: &[&Running]) -> Vec<&'a str> {
    let runs = |node: &&String| own.iter().any(|process| is_node(process, node));
    let gone: Vec<&str> = expected.iter().filter(|node| !runs(node)).map(String::as_str).collect();
    if gone.len() == expected.len() { Vec::new() } else { gone }
}

/// What that means for the component.
pub(super) fn drift(unit: &str, component: &str, expected: usize, gone: &[&str]) -> Option<Drift> {
    (!gone.is_empty()).then(|| {
        let names = gone.iter().map(|node| format!("`{node}`")).collect::<Vec<_>>().join(", ");
        let message = format!("`{unit}` starts {expected} nodes, and of these no process is left: {names}");
        let hint = format!(
            "read the end of their logs and `journalctl -k` (was it killed for its memory?), then run `coursys-ops \
             service {component} restart`"
        );
        Drift::new(DriftKind::MissingNodes, message, hint)
    })
}

/// Whether a process is of this node: as it was started (`worker -n NODE@HOST`), or as it calls itself.
fn is_node(process: &Running, node: &str) -> bool {
    let is_name = |name: &str| name.split_once('@').map_or(name, |(short, _)| short) == node;
    let mut after_option = false;
    process.command.iter().any(|arg| {
        let named = after_option && is_name(arg);
        after_option = matches!(arg.as_str(), "-n" | "--hostname");
        let joined = arg.strip_prefix("--hostname=").or_else(|| arg.strip_prefix("-n"));
        named || joined.is_some_and(is_name) || arg.contains(&format!("[celeryd: {node}@"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(command: &[&str]) -> Running {
        let command = command.iter().map(|arg| (*arg).to_owned()).collect();
        Running { pid: 7, parent: 1, state: 'S', started_ms: None, command, in_dir: Some(true) }
    }

    #[test]
    fn a_node_is_known_by_its_command_line_and_by_what_it_calls_itself() {
        let known: [&[&str]; 5] = [
            &["python", "-m", "celery", "worker", "-n", "fast@host", "-c", "2"],
            &["celery", "worker", "-nfast@host"],
            &["celery", "worker", "--hostname=fast@host"],
            &["celery", "worker", "--hostname", "fast"],
            &["[celeryd: fast@host:MainProcess] -active- (worker -A site)"],
        ];
        for command in known {
            assert!(is_node(&process(command), "fast"), "{command:?}");
            assert!(!is_node(&process(command), "fas") && !is_node(&process(command), "host"), "{command:?}");
        }
        assert!(!is_node(&process(&["celery", "worker", "-Q", "fast", "-n", "batch@host"]), "fast"));
    }

    #[test]
    fn nodes_without_a_process_are_missing_unless_none_is_seen() {
        let expected = ["batch", "fast", "sims"].map(ToOwned::to_owned);
        let (batch, sims) =
            (process(&["celery", "-n", "batch@host"]), process(&["celery", "-n", "sims@host"]));
        assert_eq!(missing(&expected, &[&batch, &sims]), ["fast"]);
        assert_eq!(missing(&expected, &[&sims]), ["batch", "fast"]);
        assert!(missing(&expected, &[]).is_empty());
        assert!(missing(&[], &[&batch]).is_empty());
    }
}
