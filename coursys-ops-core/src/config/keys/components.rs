//! The parts of the deployment, and how their managers are asked.

use super::super::schema::{ANY_NAME, COMPONENTS};
use super::List;
use crate::config::Kind;

/// The longest that a start or a stop may be told to take: an hour, in seconds.
const HOUR_S: i64 = 3600;

pub(super) fn managers(list: &mut List) {
    list.may(
        "systemd.bus",
        Kind::Text,
        "the address of systemd's D-Bus; without it the system's, and `systemctl` where there is none",
    );
    list.need(
        "systemd.crontabs",
        Kind::List,
        "crontabs, and directories of them, in which to look for what restarts components",
    );
    list.may("docker.socket", Kind::Path, "Docker's socket; without it Docker is not asked");
    list.may(
        "compose.file",
        Kind::Text,
        "the file that describes the compose services; a relative path counts from `site.dir`",
    );
    list.may(
        "compose.project",
        Kind::Text,
        "the compose project; without it, the name of the file's directory",
    );
    list.need(
        "compose.command",
        Kind::Words,
        "how to call compose, an argument vector; empty for whichever version is installed",
    );
}

pub(super) fn components(list: &mut List) {
    let path = |name: &str| format!("{COMPONENTS}.{ANY_NAME}.{name}");
    list.need(
        path("manager"),
        Kind::Choice(&["systemd", "compose", "builtin", "external"]),
        "who starts and stops the component; `components.NAME = false` takes one away",
    );
    for (name, kind, meaning) in [
        ("unit", Kind::Text, "its systemd unit or compose service; without it, the component's name"),
        (
            "units",
            Kind::List,
            "its units or compose services when it has several; those that are not there do not count",
        ),
        ("process", Kind::Text, "a word in the command line of its processes"),
        ("needs", Kind::List, "the components that must work before it can"),
        ("health", Kind::List, "the ids of the checks that tell whether it works"),
        ("logs", Kind::List, "its log files"),
        ("listens", Kind::List, "where it listens: `127.0.0.1:8000`, or `*:80` for every address"),
        ("configs", Kind::List, "files and directories that it reads when it starts or reloads"),
        (
            "masters",
            Kind::Integer(1, 1000),
            "how many main processes it has; without it, any number is right",
        ),
        ("reloads", Kind::Switch, "whether it can read its configuration anew without a restart"),
        ("stops_first", Kind::Switch, "whether it is stopped before what it needs is stopped or restarted"),
        ("stays_up", Kind::Switch, "whether a restart of everything leaves it alone when it runs"),
        ("loses", Kind::Text, "what is lost when its container is made anew"),
    ] {
        list.may(path(name), kind, meaning);
    }
    list.may(path("patience_s"), Kind::Integer(1, HOUR_S), "how long a start or a stop may take").unit =
        Some("seconds");
}
