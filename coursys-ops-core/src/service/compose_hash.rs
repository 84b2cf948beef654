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

/// The hashes of today.
///
/// # Errors
///
/// Why they are not known, in a few words.
pub(super) async fn hashes(scope: &Scope, compose: &Compose) -> Result<Hashes, String> {
    let user = scope.site_user().await.map_err(|finding| finding.message)?;
    let question = ["config", "--hash", "*"].map(ToOwned::to_owned);
    let call = compose_call::call(compose_call::program(compose, false), compose);
    let argv = call.into_iter().chain(question);
    // Whoever asked for the survey has other things to do, too.
    let patience = scope.remaining() / 2;
    let asked =
        tokio::time::timeout(patience, scope.run(Command::new(argv).dir("/").user(user).at_most(MOST)));
    let output =
        asked.await.map_err(|_| format!("compose did not tell within {} ms", patience.as_millis()))?;
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(read(&String::from_utf8_lossy(&output.stdout)))
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
