//! Faults that commands and plugins report.

use super::{ID, add, made, own};
use crate::matrix::Fault;

/// Kind `command`.
pub(super) fn rows() -> Vec<Fault> {
    let row = |name: &str, mechanism, keys: &'static str| own(name, mechanism, "command", keys);
    vec![
        row(
            "a command as it should be",
            "as it should be",
            "argv = [\"echo\", \"well\"]\noutput = \"^well$\"",
        ),
        row("a command that fails", "broken program", "argv = [\"sh\", \"-c\", \"echo broken >&2; exit 7\"]")
            .culprit(ID, "failed command_failed")
            .telling("broken"),
        row(
            "a command that prints something else",
            "wrong contents",
            "argv = [\"echo\", \"ill\"]\noutput = \"^well$\"",
        )
        .culprit(ID, "failed wrong_answer"),
        row("a command that prints without end", "flood of output", "argv = [\"yes\"]")
            .culprit(ID, "failed too_much_output"),
        row("a command that does not end", "hung program", "argv = [\"sleep\", \"60\"]")
            .culprit(ID, "failed timeout"),
        row("a command that is killed", "broken program", "argv = [\"sh\", \"-c\", \"kill -9 $$\"]")
            .culprit(ID, "failed command_failed")
            .telling("signal 9"),
        row("a command that is not there", "missing program", "argv = [\"/nonexistent/program\"]")
            .culprit(ID, "failed not_found"),
        row(
            "a plugin that warns",
            "plugin",
            "nagios = true\nargv = [\"sh\", \"-c\", \"echo 'LOAD WARNING | load=9;5;10'; exit 1\"]",
        )
        .culprit(ID, "warning command_failed")
        .telling("LOAD WARNING"),
        row(
            "a plugin that is critical",
            "plugin",
            "nagios = true\nargv = [\"sh\", \"-c\", \"echo CRITICAL; exit 2\"]",
        )
        .culprit(ID, "failed command_failed"),
        row(
            "a plugin that does not know",
            "plugin",
            "nagios = true\nargv = [\"sh\", \"-c\", \"echo UNKNOWN; exit 3\"]",
        )
        .culprit(ID, "unknown command_failed"),
        row("a plugin that is none", "plugin", "nagios = true\nargv = [\"sh\", \"-c\", \"exit 42\"]")
            .culprit(ID, "unknown command_failed"),
        row(
            "a command of a user that does not exist",
            "no such user",
            "user = \"no-such-user\"\nargv = [\"true\"]",
        )
        .culprit(ID, "failed no_such_user"),
        Fault::new("a command for root that others can write", "wrong mode")
            .with(|scene| {
                let script = made(scene, "#!/bin/sh\n", 0o777);
                add(scene, "command", &format!("user = \"root\"\nargv = [\"{}\"]", script.display()));
            })
            .culprit(ID, "skipped not_permitted"),
    ]
}
