//! Which nodes of Celery a unit starts: those that its own command line names, `celery multi start NODE …`, which often
//! takes them from a variable of the unit's environment file. systemd itself knows one group of processes and no nodes, so
//! that it finds nothing amiss as long as one of them runs.

use std::collections::BTreeMap;
use std::path::Path;

/// More than this nobody writes into an environment file, in bytes.
const MOST_ENVIRONMENT: u64 = 64 << 10;

/// More nodes than this nobody has on one machine: then these are something else.
const MOST: usize = 64;

/// What the environment files assign; a later one wins. What cannot be read, is too long or is reached through a link in
/// its last component assigns nothing: the site's user may write there.
pub(super) fn environment<'a>(
    assigned: impl IntoIterator<Item = &'a str>,
    files: impl IntoIterator<Item = &'a Path>,
) -> BTreeMap<String, String> {
    let own = assigned.into_iter().filter_map(|one| one.split_once('='));
    let mut all: BTreeMap<String, String> =
        own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for path in files {
        let look = super::super::file::look(path, MOST_ENVIRONMENT).ok();
        let bytes = look.and_then(|look| look.content.bytes()).unwrap_or_default();
        all.extend(crate::shell::assignments(&String::from_utf8_lossy(&bytes)));
    }
    all
}

/// The nodes that a command starts, without what follows an `@`; none of one that starts no nodes, or says so in a way that
/// only a shell understands.
pub(super) fn nodes(command: &[String], environment: &BTreeMap<String, String>) -> Vec<String> {
    started(command, environment).unwrap_or_default()
}

fn started(command: &[String], environment: &BTreeMap<String, String>) -> Option<Vec<String>> {
    let expanded: Vec<String> =
        command.iter().map(|word| expand(word, environment)).collect::<Option<_>>()?;
    let mut words =
        expanded.iter().flat_map(|word| word.split_ascii_whitespace()).skip_while(|word| *word != "multi");
    words.next()?;
    words.next().filter(|verb| matches!(*verb, "start" | "restart"))?;
    let names: Vec<&str> = words.take_while(|word| !word.starts_with('-')).take(MOST + 1).collect();
    // A lone number says how many.
    if let [count] = names[..]
        && let Ok(count) = count.parse::<usize>()
    {
        return (1..=MOST).contains(&count).then(|| (1..=count).map(|n| format!("celery{n}")).collect());
    }
    let short = |name: &&str| name.split_once('@').map_or(*name, |(short, _)| short).to_owned();
    let is_name = |name: &String| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
    };
    let names: Vec<String> = names.iter().map(short).collect();
    (names.len() <= MOST && names.iter().all(is_name)).then_some(names)
}

/// A word with `$A` and `${A}` replaced as systemd does it; a variable that is not set is empty.
fn expand(word: &str, environment: &BTreeMap<String, String>) -> Option<String> {
    let mut parts = word.split('$');
    let mut expanded = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = if let Some(braced) = part.strip_prefix('{') {
            braced.split_once('}')?
        } else {
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            part.split_at_checked(end)?
        };
        expanded.push_str(environment.get(name).map_or("", String::as_str));
        expanded.push_str(rest);
    }
    Some(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(command: &[&str], environment: &[(&str, &str)]) -> Vec<String> {
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        nodes(&command, &environment)
    }

    #[test]
    fn the_nodes_of_a_unit_are_those_that_its_command_line_names() {
        let script = "${CELERY_BIN} multi start ${CELERYD_NODES}   -A ${CELERY_APP} --pidfile=${PID} ${OPTS}";
        let variables = [
            ("CELERYD_NODES", "batch fast email"),
            ("CELERY_BIN", "/venv/bin/python /venv/bin/celery"),
            ("OPTS", "-Q:batch batch"),
        ];
        assert_eq!(of(&["/bin/sh", "-c", script], &variables), ["batch", "fast", "email"]);
        let plain = ["/venv/bin/celery", "multi", "start", "$CELERYD_NODES", "-A", "site"];
        assert_eq!(of(&plain, &variables), ["batch", "fast", "email"]);
        assert_eq!(
            of(&["celery", "multi", "start", "fast@here", "slow@%h", "-c", "2"], &[]),
            ["fast", "slow"]
        );
        assert_eq!(
            of(&["celery", "multi", "restart", "3", "-c", "2"], &[]),
            ["celery1", "celery2", "celery3"]
        );
    }

    #[test]
    fn a_command_that_names_no_nodes_expects_none() {
        let none: [&[&str]; 8] = [
            &["celery", "-A", "site", "worker", "-n", "fast@%h"],
            &["celery", "multi", "stopwait", "fast"],
            &["celery", "multi", "start", "-A", "site", "fast"],
            &["celery", "multi", "start", "$UNSET", "-c", "2"],
            &["sh", "-c", "celery multi start $(cat nodes) -c 2"],
            &["sh", "-c", "celery multi start fast; sleep 1"],
            &["celery", "multi", "start", "1000000"],
            &[],
        ];
        for command in none {
            assert!(of(command, &[]).is_empty(), "{command:?}");
        }
    }

    #[test]
    fn the_environment_is_what_the_unit_and_then_its_files_assign() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("environment"), dir.path().join("link"));
        std::fs::write(&file, "CELERYD_NODES=\"batch fast\"\nPASSWORD=x\n").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let own = ["CELERYD_NODES=one", "BIN=celery"];
        let found = environment(own, [file.as_path(), &dir.path().join("none")]);
        assert_eq!((found["CELERYD_NODES"].as_str(), found["BIN"].as_str()), ("batch fast", "celery"));
        assert_eq!(environment(own, [link.as_path()])["CELERYD_NODES"], "one");
    }

    proptest::proptest! {
        #[test]
        fn any_command_names_nodes_that_are_words_or_none(words in proptest::collection::vec("(multi|start|\\PC{0,12})", 0..8)) {
            for node in nodes(&words, &BTreeMap::new()) {
                proptest::prop_assert!(!node.is_empty() && node.is_ascii() && !node.contains(['/', '$', ' ']));
            }
        }
    }
}
