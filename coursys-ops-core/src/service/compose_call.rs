//! How compose is called: the program, and what every call says about the site's file and project.

use std::path::Path;

use crate::config::Compose;

/// The program of version 1, a command of its own.
const FIRST: &str = "docker-compose";

/// The program as configured; else version 1, or the plugin of Docker that came after it.
pub(super) fn program(compose: &Compose, is_first: bool) -> Vec<String> {
    let words: &[&str] = if is_first { &[FIRST] } else { &["docker", "compose"] };
    if compose.command.is_empty() {
        words.iter().map(|word| (*word).to_owned()).collect()
    } else {
        compose.command.clone()
    }
}

/// A call of this program, but for what it is asked to do.
pub(super) fn call(program: Vec<String>, compose: &Compose) -> Vec<String> {
    let mut words = program;
    // Version 1 knows this since 1.28 only, and Ubuntu 20.04 has 1.25; it colours nothing that is no terminal.
    if !words.iter().any(|word| Path::new(word).ends_with(FIRST)) {
        words.extend(["--ansi", "never"].map(ToOwned::to_owned));
    }
    words.extend(place(compose));
    words
}

/// The words that say which file and project are meant.
fn place(compose: &Compose) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(file) = &compose.file {
        words.extend(["-f".to_owned(), file.display().to_string()]);
        if let Some(directory) = file.parent() {
            words.extend(["--project-directory".to_owned(), directory.display().to_string()]);
        }
    }
    if let Some(project) = &compose.project {
        words.extend(["-p".to_owned(), project.clone()]);
    }
    words
}

/// The program of such a call, which then looks for files by itself.
pub(crate) fn bare<'a>(call: &'a [String], compose: &Compose) -> &'a [String] {
    let rest = call.strip_suffix(place(compose).as_slice()).unwrap_or(call);
    rest.strip_suffix(["--ansi".to_owned(), "never".to_owned()].as_slice()).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(ToOwned::to_owned).collect()
    }

    #[test]
    fn version_1_is_not_told_what_its_older_releases_do_not_know() {
        let compose = Compose {
            file: Some("/coursys/docker-compose.yml".into()),
            project: Some("site".to_owned()),
            ..Compose::default()
        };
        let place = "-f /coursys/docker-compose.yml --project-directory /coursys -p site";
        let call = |is_first| super::call(program(&compose, is_first), &compose);
        assert_eq!(call(true), words(&format!("docker-compose {place}")));
        assert_eq!(call(false), words(&format!("docker compose --ansi never {place}")));
        for is_first in [true, false] {
            assert_eq!(bare(&call(is_first), &compose), program(&compose, is_first));
        }
    }

    #[test]
    fn a_configured_command_is_told_apart_by_its_name() {
        let call = |command: &str| {
            let compose = Compose { command: words(command), ..Compose::default() };
            super::call(program(&compose, false), &compose)
        };
        assert_eq!(call("/usr/local/bin/docker-compose"), words("/usr/local/bin/docker-compose"));
        assert_eq!(call("docker -H x compose"), words("docker -H x compose --ansi never"));
    }
}
