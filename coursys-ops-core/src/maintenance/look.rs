//! Looking: reads only, and leaves no trace.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::OnceCell;

use super::facts::{Facts, Held, Page, Stray, Witness, Worker};
use super::hold_compose::HoldSeen;
use super::{Flag, flag, hold};
use crate::check::Scope;
use crate::config::Manager;
use crate::helper::{Answer, Ask, Process};
use crate::process::Command;
use crate::service::{Look, Service};

/// As much of a command line as anybody reads, in characters.
const SHOWN: usize = 80;

/// More of what systemd says about a handful of units nobody reads, in bytes.
const MOST: usize = 64 << 10;

/// What is left of a look's time when a part of it is given up, so that the other parts are told all the same.
const MARGIN: Duration = Duration::from_millis(1500);

/// Looks at everything that tells how the maintenance is. `witness` is asked for what others see, unless nobody is to be
/// asked; nothing when the layout has no flag.
pub async fn look(
    scope: &Scope,
    services: &[Arc<dyn Service>],
    witness: Option<&dyn Witness>,
) -> Option<Facts> {
    let path = scope.config().maintenance.flag.clone()?;
    let outside = async {
        match witness {
            Some(witness) => {
                let (page, consumers) = tokio::join!(
                    in_time(scope, witness.page(scope)),
                    in_time(scope, witness.consumers(scope))
                );
                (Some(page.unwrap_or_else(Page::Silent)), Some(consumers.and_then(|known| known)))
            }
            None => (None, None),
        }
    };
    let (flag, workers, strays, (page, consumers)) = tokio::join!(
        in_time(scope, flag::read(scope, &path)),
        workers(scope, services),
        in_time(scope, strays(scope)),
        outside
    );
    let flag = flag.unwrap_or_else(Flag::Unseen);
    let strays = strays.and_then(|seen| seen);
    let now = scope.context().clock.now();
    Some(Facts { flag, workers, strays, page, consumers, now })
}

/// Waits for a part of a look, as long as there is time to tell the others.
async fn in_time<T>(scope: &Scope, work: impl Future<Output = T>) -> Result<T, String> {
    let patience = scope.remaining().saturating_sub(MARGIN);
    let done = tokio::time::timeout(patience, work).await;
    done.map_err(|_| format!("no answer within {:.0} s", patience.as_secs_f64()))
}

/// Looks at the flag alone.
impl Flag {
    /// What is in the flag's place in this layout.
    pub async fn look(scope: &Scope) -> Self {
        match &scope.config().maintenance.flag {
            Some(path) => in_time(scope, flag::read(scope, path)).await.unwrap_or_else(Flag::Unseen),
            None => Self::Absent,
        }
    }
}

/// The components that rest in maintenance, as far as they are part of this deployment.
pub async fn workers(scope: &Scope, services: &[Arc<dyn Service>]) -> Vec<Worker> {
    let resting = services.iter().filter(|service| {
        let component = service.component();
        component.stops_first && component.manager.is_ours()
    });
    let of_compose = OnceCell::new();
    let one = |service: &Arc<dyn Service>| {
        let (service, of_compose) = (Arc::clone(service), &of_compose);
        async move {
            let look = in_time(scope, service.look(scope)).await;
            let look = look.unwrap_or_else(|why| Look::unseen(service.name(), service.component(), &why));
            if !look.is_here() {
                return None;
            }
            let held = match service.component().manager {
                Manager::Systemd => in_time(scope, held(scope, &look)).await,
                Manager::Compose => {
                    let seen = in_time(scope, of_compose.get_or_init(|| HoldSeen::look(scope, &look))).await;
                    seen.map(|seen| seen.of(&look))
                }
                _ => Ok(Held::Never("its manager knows no such thing".to_owned())),
            };
            let held = held.unwrap_or_else(Held::Unseen);
            Some(Worker { name: service.name().to_owned(), look, held })
        }
    };
    join_all(resting.map(one)).await.into_iter().flatten().collect()
}

/// Whether every unit of a component is held.
async fn held(scope: &Scope, look: &Look) -> Held {
    let units: Vec<&str> = look.parts.iter().map(|part| part.unit.as_str()).collect();
    let mut written = BTreeSet::new();
    for unit in &units {
        match present(scope, hold::path(unit)).await {
            Ok(true) => drop(written.insert(*unit)),
            Ok(false) => {}
            Err(why) => return Held::Unseen(why),
        }
    }
    if written.is_empty() {
        return Held::No;
    }
    let argv = ["systemctl", "--no-pager", "show", "--property=DropInPaths", "--value", "--"].into_iter();
    let command = Command::new(argv.chain(units.iter().copied())).at_most(MOST);
    let output = match scope.run(command).await {
        Ok(output) if output.status.success() => output,
        Ok(output) => return Held::Unseen(output.complaint()),
        Err(error) => return Held::Unseen(error.to_string()),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let loaded: BTreeSet<&str> = text.split_whitespace().collect();
    let in_force = |unit: &&str| {
        let path = hold::path(unit);
        written.contains(unit) && path.to_str().is_some_and(|path| loaded.contains(path))
    };
    if units.iter().all(in_force) { Held::Yes } else { Held::Partly }
}

async fn present(scope: &Scope, path: PathBuf) -> Result<bool, String> {
    let output = scope.run(Command::ask(Ask::Present(path))).await.map_err(|error| error.to_string())?;
    let answer: Answer<bool> = serde_json::from_slice(&output.stdout).map_err(|_| output.complaint())?;
    answer.map_err(|refusal| refusal.message)
}

/// The processes of Celery that the site's user has in the site's directory, asked just now.
///
/// # Errors
///
/// Why they cannot be seen.
pub async fn strays(scope: &Scope) -> Result<Vec<Stray>, String> {
    let site = &scope.config().site;
    let uid = match &site.user {
        Some(name) => match scope.account(name).await {
            Ok(Some(user)) => user.uid,
            Ok(None) => return Err(format!("there is no user `{name}` on this machine")),
            Err(error) => return Err(error.to_string()),
        },
        None => scope.context().caller.uid,
    };
    let asked = scope.run(Command::ask(Ask::Processes(uid, site.dir.clone()))).await;
    let output = asked.map_err(|error| error.to_string())?;
    let answer: Answer<Vec<Process>> =
        serde_json::from_slice(&output.stdout).map_err(|_| output.complaint())?;
    let processes = answer.map_err(|refusal| refusal.message)?;
    let workers = processes.into_iter().filter(|one| one.in_dir != Some(false) && is_worker(&one.command));
    Ok(workers.map(|one| Stray { pid: one.pid, command: shown(&one.command) }).collect())
}

fn shown(command: &[String]) -> String {
    command.join(" ").chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

/// Whether a command line is one of Celery's workers, their children, or its beat; some rename themselves.
#[must_use]
pub fn is_worker(command: &[String]) -> bool {
    let renamed = command.first().is_some_and(|first| first.starts_with("[celery"));
    let named = |arg: &String| arg.rsplit('/').next() == Some("celery");
    let celery = command.iter().position(named);
    let works = |arg: &String| matches!(arg.as_str(), "worker" | "beat");
    renamed || celery.is_some_and(|at| command.iter().skip(at).any(works))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use async_trait::async_trait;

    use super::*;
    use crate::check::Check;
    use crate::context::Context;
    use crate::model::{CheckSpec, ExitPolicy, Finding};
    use crate::run::{Cancel, Options, run};
    use crate::testing::context;

    /// Somebody who never answers.
    struct Mute;

    #[async_trait]
    impl Witness for Mute {
        async fn page(&self, _: &Scope) -> Page {
            std::future::pending().await
        }

        async fn consumers(&self, _: &Scope) -> Result<BTreeMap<String, u32>, String> {
            std::future::pending().await
        }
    }

    /// A look at what a mute witness leaves to be seen.
    struct Looker(CheckSpec, std::sync::Mutex<Option<Facts>>);

    #[async_trait]
    impl Check for Looker {
        fn spec(&self) -> &CheckSpec {
            &self.0
        }

        async fn look(&self, scope: &Scope) -> Vec<Finding> {
            let facts = look(scope, &[], Some(&Mute)).await;
            *self.1.lock().unwrap() = facts;
            vec![Finding::passed("looked at")]
        }
    }

    #[tokio::test]
    async fn who_does_not_answer_takes_nothing_from_what_else_was_seen() {
        let given = context();
        let mut config = given.config.clone();
        config.maintenance.flag = Some("/nowhere/503".into());
        let context = Arc::new(Context::new(config, given.caller.clone(), given.helper.clone(), "0.0.0"));
        let spec = CheckSpec::new("a.look", "Look").timeout(Duration::from_millis(2500));
        let looker = Arc::new(Looker(spec, std::sync::Mutex::default()));
        let checks: [Arc<dyn Check>; 1] = [looker.clone()];
        let (options, never) = (Options::default(), Cancel::never());
        run(&checks, &context, &options, &never, ExitPolicy::default(), &mut |_| ()).await;
        let facts = looker.1.lock().unwrap().take().unwrap();
        assert_eq!(facts.page, Some(Page::Silent("no answer within 1 s".to_owned())));
        assert_eq!(facts.consumers, Some(Err("no answer within 1 s".to_owned())));
        // Their helper is no helper, which was told at once.
        assert!(matches!(&facts.flag, Flag::Unseen(why) if !why.contains("no answer")), "{:?}", facts.flag);
        assert!(facts.strays.is_err_and(|why| !why.contains("no answer")));
    }

    #[test]
    fn workers_and_the_beat_are_told_from_those_who_ask_them() {
        let is = |line: &str| is_worker(&line.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>());
        assert!(is("/venv/bin/python -m celery -A courses worker -n fast@host"));
        assert!(is("/venv/bin/python /venv/bin/celery -A courses beat"));
        assert!(is("[celeryd: fast@host:MainProcess] -active- (worker -A courses)"));
        assert!(!is("/venv/bin/python -m celery -A courses inspect ping"));
        assert!(!is("/venv/bin/gunicorn courses.wsgi"));
        assert!(!is("vim celery worker.txt.d/worker_notes"));
    }
}
