//! Whether containers are what the compose file describes now, by what compose itself says: each container bears the hash of
//! the description that it was made of, and `config --hash` tells those of today, with variables and `.env` put in. It starts
//! a program, so it is asked only when a file was changed after a container was made. As the site's user, to whom the file
//! belongs: root would read, and follow, whatever is in it.

use std::collections::BTreeMap;

use super::compose_call;
use crate::check::Scope;
use crate::config::Compose;
use crate::process::Command;

/// More than this nobody says about a handful of services, in bytes.
const MOST: usize = 256 << 10;

/// The hashes by service.
pub(super) type Hashes = BTreeMap<String, String>;

/// What a version of compose says of today's descriptions. Version 1 hashes in another way than those after it.
#[derive(Debug)]
pub(super) struct Told {
    /// Whether version 1 was asked.
    pub by_first: bool,
    /// The hashes; why they are not known, in a few words.
    pub hashes: Result<Hashes, String>,
}

impl Told {
    /// Asks version 1 or the one after it.
    pub(super) async fn ask(scope: &Scope, compose: &Compose, by_first: bool) -> Self {
        Self { by_first, hashes: hashes(scope, compose, by_first).await }
    }
}

async fn hashes(scope: &Scope, compose: &Compose, by_first: bool) -> Result<Hashes, String> {
    let program = compose_call::program(compose, by_first);
    // A later version may go by the name of the first, and a configured command may be either.
    if by_first || !compose.command.is_empty() {
        let argv = program.iter().cloned().chain(["version", "--short"].map(ToOwned::to_owned));
        if tell(scope, argv.collect()).await?.trim().starts_with("1.") != by_first {
            return Err("the container was made by another version of compose".to_owned());
        }
    }
    let question = ["config", "--hash", "*"].map(ToOwned::to_owned);
    let argv = compose_call::call(program, compose).into_iter().chain(question);
    tell(scope, argv.collect()).await.map(|text| read(&text))
}

/// What compose answers to the site's user.
async fn tell(scope: &Scope, argv: Vec<String>) -> Result<String, String> {
    let user = scope.site_user().await.map_err(|finding| finding.message)?;
    // Whoever asked for the survey has other things to do, too.
    let patience = scope.remaining() / 2;
    let asked =
        tokio::time::timeout(patience, scope.run(Command::new(argv).dir("/").user(user).at_most(MOST)));
    let output =
        asked.await.map_err(|_| format!("compose did not tell within {} ms", patience.as_millis()))?;
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("compose does not tell: {}", output.complaint()))
    }
}

/// Lines of a service and its hash.
fn read(text: &str) -> Hashes {
    let lines = text.lines().filter_map(|line| line.trim().split_once(' '));
    lines.map(|(service, hash)| (service.to_owned(), hash.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_service_and_its_hash() {
        let hashes = read("app 82eb1c\ncelery-fast  e9af64\n\nnonsense\n");
        let expected = [("app", "82eb1c"), ("celery-fast", "e9af64")];
        assert_eq!(hashes, expected.map(|(service, hash)| (service.to_owned(), hash.to_owned())).into());
    }
}
