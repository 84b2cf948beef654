//! What keeps others from starting a service of compose. Restarting Docker or the machine does not, when somebody stopped a
//! container whose policy is `unless-stopped`; but `docker compose up -d` does, and every deployment ends with it.
//!
//! The hold is an override file beside the compose file, which compose reads unless it is given files by name, as our own
//! calls are. It gives each service a profile, so that who names no service passes it over, and a need that nothing meets, so
//! that who names it is told why not. Version 1 of compose does nothing at all while there is such a need, and says the same.
//! What the hold cannot keep from happening, such as `docker start`, is seen when it happened.

use std::path::{Path, PathBuf};

use super::Held;
use crate::check::Scope;
use crate::config::Compose;
use crate::helper::{Answer, Ask, Content, FileLook};
use crate::process::Command;
use crate::service::{Look, compose_call};

/// The override file that compose prefers to all others.
const NAME: &str = "compose.override.yml";

/// The others: one of them would be read no more when ours is there.
const OTHERS: [&str; 3] =
    ["compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];

/// With a compose file of another name, compose reads no override file.
const FILES: [&str; 4] = ["compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml"];

/// By its first line the file is known to be ours.
const FIRST: &str = "# Written by coursys-ops: the site is in maintenance, and nothing else may start these services meanwhile.";

/// No service of this name is ever described; compose says that it misses it.
const MISSING: &str = "end-of-maintenance-see-coursys-ops-rm503";

/// A hold of a handful of services is not longer, in bytes.
const LONGEST: u64 = 16 << 10;

/// More than this nobody says about a handful of services, in bytes.
const MOST: usize = 64 << 10;

/// Where the hold of a site's services is written; nothing where compose would not read it.
#[must_use]
pub fn path(compose: &Compose) -> Option<PathBuf> {
    let file = compose.file.as_deref()?;
    let name = file.file_name()?.to_str()?;
    FILES.contains(&name).then(|| file.with_file_name(NAME))
}

/// What is in it.
#[must_use]
pub fn content<'a>(services: impl IntoIterator<Item = &'a str>) -> String {
    let lines: String = services.into_iter().map(line).collect();
    format!("{FIRST}\n# `coursys-ops rm503` takes it away.\nservices:\n{lines}")
}

/// A service in it. What JSON says, YAML says.
fn line(service: &str) -> String {
    let name = serde_json::Value::from(service);
    format!(
        "  {name}: {{ profiles: [coursys-ops-maintenance], depends_on: {{ {MISSING}: {{ condition: service_started }} }} }}\n"
    )
}

/// What was seen of the hold, for all services together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HoldSeen {
    /// There can be none here, for this reason.
    Never(String),
    /// There is none.
    No,
    /// There is one with this content; those services are the ones that compose would start, or why it does not tell.
    Written(String, Result<Vec<String>, String>),
    /// It could not be looked at, for this reason.
    Unseen(String),
}

impl HoldSeen {
    /// Looks, with what was seen of one of the services.
    pub(super) async fn look(scope: &Scope, look: &Look) -> Self {
        let config = scope.config();
        let compose = config.compose.of_site(&config.site.dir);
        let Some(path) = path(&compose) else { return Self::Never(unread(&compose)) };
        let program = compose_call::bare(&look.compose, &compose);
        if program.is_empty() {
            return Self::Never("no program `docker compose` or `docker-compose` was found".to_owned());
        }
        match ask::<FileLook>(scope, Ask::File(path.clone(), LONGEST)).await {
            Ok(Ok(file)) => match text(&file.content) {
                Some(text) => Self::Written(text, enabled(scope, program, path.parent()).await),
                None => Self::Never(format!("`{NAME}` is not ours")),
            },
            Ok(Err(refusal)) if refusal.is(rustix::io::Errno::NOENT) => {
                for other in OTHERS {
                    match ask::<bool>(scope, Ask::Present(path.with_file_name(other))).await {
                        Ok(Ok(false)) => {}
                        Ok(Ok(true)) => {
                            return Self::Never(format!("compose would read `{other}` no more beside ours"));
                        }
                        Ok(Err(refusal)) => return Self::Unseen(refusal.message),
                        Err(why) => return Self::Unseen(why),
                    }
                }
                Self::No
            }
            Ok(Err(refusal)) => Self::Unseen(refusal.message),
            Err(why) => Self::Unseen(why),
        }
    }

    /// What that means for one component.
    pub(super) fn of(&self, look: &Look) -> Held {
        let (text, enabled) = match self {
            Self::Never(why) => return Held::Never(why.clone()),
            Self::No => return Held::No,
            Self::Unseen(why) => return Held::Unseen(why.clone()),
            Self::Written(text, enabled) => (text, enabled),
        };
        let written = look.parts.iter().filter(|part| text.contains(&line(&part.unit))).count();
        match enabled {
            _ if written == 0 => Held::No,
            _ if written < look.parts.len() => Held::Partly,
            Err(why) => Held::Unseen(why.clone()),
            Ok(enabled) if look.parts.iter().any(|part| enabled.contains(&part.unit)) => Held::Partly,
            Ok(_) => Held::Yes,
        }
    }
}

/// Why compose would read no override file.
fn unread(compose: &Compose) -> String {
    let file = compose.file.as_deref().and_then(Path::file_name);
    file.map_or_else(
        || "no compose file is configured".to_owned(),
        |name| format!("compose reads no override file beside `{}`", name.to_string_lossy()),
    )
}

/// The text of a hold of ours; nothing of any other file.
fn text(content: &Content) -> Option<String> {
    let text = String::from_utf8(content.bytes()?).ok()?;
    text.starts_with(FIRST).then_some(text)
}

/// The services that compose would start when nobody names one, as it says itself; as the site's user, to whom its files
/// belong.
async fn enabled(scope: &Scope, program: &[String], directory: Option<&Path>) -> Result<Vec<String>, String> {
    let user = scope.site_user().await.map_err(|finding| finding.message)?;
    let question = ["config", "--services"].map(ToOwned::to_owned);
    let argv = program.iter().cloned().chain(question);
    let command = Command::new(argv).dir(directory.unwrap_or(Path::new("/"))).user(user).at_most(MOST);
    // Whoever looks has other things to see, too.
    let patience = scope.remaining() / 2;
    let asked = tokio::time::timeout(patience, scope.run(command)).await;
    let output = asked.map_err(|_| format!("compose does not tell within {} ms", patience.as_millis()))?;
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return refused(&output.complaint());
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(|line| line.trim().to_owned()).collect())
}

/// What it means that compose reads the files and refuses them.
fn refused(complaint: &str) -> Result<Vec<String>, String> {
    // As version 1 does: whatever it is told to start, it starts nothing.
    if complaint.contains(MISSING) {
        return Ok(Vec::new());
    }
    Err(format!("compose does not tell: {complaint}"))
}

async fn ask<T: serde::de::DeserializeOwned>(scope: &Scope, ask: Ask) -> Result<Answer<T>, String> {
    let output = scope.run(Command::ask(ask)).await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|_| output.complaint())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{Part, State};

    fn look(units: &[&str]) -> Look {
        Look {
            component: "celery".into(),
            manager: "compose".into(),
            parts: units.iter().map(|unit| Part::new(unit, State::Stopped)).collect(),
            compose: Vec::new(),
        }
    }

    #[test]
    fn the_hold_lies_where_compose_reads_it() {
        let path = |file: &str| path(&Compose { file: Some(file.into()), ..Compose::default() });
        assert_eq!(path("/coursys/compose.yml"), Some("/coursys/compose.override.yml".into()));
        assert_eq!(
            path("/coursys/compose-production.yml"),
            None,
            "which is named, and nothing beside it read"
        );
    }

    #[test]
    fn where_there_can_be_no_hold_it_is_told_why() {
        let compose = Compose { file: Some("/coursys/compose-production.yml".into()), ..Compose::default() };
        assert_eq!(unread(&compose), "compose reads no override file beside `compose-production.yml`");
        let never = HoldSeen::Never("it is not ours".into()).of(&look(&["celery-fast"]));
        assert_eq!(never, Held::Never("it is not ours".into()));
    }

    #[test]
    fn a_hold_is_in_force_when_compose_would_start_none_of_its_services() {
        let text = content(["celery-fast", "celery-sims"]);
        let held = |units: &[&str], enabled: Result<&[&str], &str>| {
            let enabled = enabled.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            HoldSeen::Written(text.clone(), enabled.map_err(ToOwned::to_owned)).of(&look(units))
        };
        let both = ["celery-fast", "celery-sims"];
        assert_eq!(held(&both, Ok(&["app", "nginx"])), Held::Yes);
        assert_eq!(
            held(&both, Ok(&["app", "celery-fast"])),
            Held::Partly,
            "`COMPOSE_FILE` names other files"
        );
        assert_eq!(held(&["celery-fast", "celery-new"], Ok(&[])), Held::Partly);
        assert_eq!(held(&["beat"], Ok(&[])), Held::No);
        assert_eq!(held(&both, Err("it hangs")), Held::Unseen("it hangs".into()));
    }

    #[test]
    fn a_compose_that_starts_nothing_for_the_sake_of_the_hold_is_held() {
        let first = format!("Service 'beat' depends on service '{MISSING}' which is undefined.");
        assert_eq!(refused(&first), Ok(Vec::new()));
        assert!(refused("yaml: line 3: did not find expected key").is_err());
    }

    #[test]
    fn what_others_wrote_is_no_hold_and_is_left_alone() {
        use base64::Engine as _;
        let file = |text: &str| Content::Whole(base64::engine::general_purpose::STANDARD.encode(text));
        assert_eq!(super::text(&file("services: {}")), None);
        assert_eq!(super::text(&Content::NotAFile), None);
        let ours = content(["beat"]);
        assert_eq!(super::text(&file(&ours)), Some(ours));
    }

    #[test]
    fn any_name_stays_a_name() {
        let text = content(["a: {}\n  evil"]);
        assert!(text.ends_with(&line("a: {}\n  evil")) && text.lines().count() == 4, "{text}");
    }
}
