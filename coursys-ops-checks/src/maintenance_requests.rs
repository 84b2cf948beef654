//! The requests that run in gunicorn, which a maintenance waits for.

use coursys_ops_core::Scope;
use coursys_ops_core::config::Manager;
use coursys_ops_core::helper::{Answer, Ask, Container, Taken};
use coursys_ops_core::process::Command;
use coursys_ops_core::service::Surveyor;

use crate::maintenance_tasks::Holds;

/// More requests than this are counted, not named.
const NAMED: usize = 8;

/// The requests that gunicorn has taken, or is about to take. Where that cannot be seen something holds: nobody knows that none
/// runs.
///
/// # Errors
///
/// The connections of a place cannot be seen.
pub(crate) async fn requests(scope: &Scope) -> Result<Holds, String> {
    let config = scope.config();
    let port = config.gunicorn.server.port;
    let in_containers = config.components.get("gunicorn").is_some_and(|one| one.manager == Manager::Compose);
    let places: Vec<Option<i32>> = if in_containers {
        match Surveyor::default().containers(scope, "gunicorn").await {
            Ok(containers) => inside(&containers),
            // Whoever cannot look does not know that nothing runs.
            Err(blind) => return Ok(vec![format!("Docker does not tell which containers serve: {blind}")]),
        }
    } else {
        vec![None]
    };
    let mut found = Vec::new();
    for place in places {
        let asked = scope.run(Command::ask(Ask::Requests(port, place))).await;
        let output = asked.map_err(|error| error.to_string())?;
        let answer: Answer<Vec<Taken>> =
            serde_json::from_slice(&output.stdout).map_err(|_| output.complaint())?;
        found.extend(answer.map_err(|refusal| format!("connections cannot be seen: {}", refusal.message))?);
    }
    let waiting = found.iter().filter(|one| one.process.is_none()).count();
    let mut holds: Holds = found.iter().filter_map(request).collect();
    let more = holds.len().saturating_sub(NAMED);
    holds.truncate(NAMED);
    if more > 0 {
        holds.push(format!("{more} more requests"));
    }
    if waiting > 0 {
        holds.push(format!("{waiting} requests wait for gunicorn"));
    }
    Ok(holds)
}

/// In whose network to look: a process of each container that runs.
fn inside(containers: &[Container]) -> Vec<Option<i32>> {
    let pids = containers.iter().filter_map(|one| i32::try_from(one.pid).ok());
    pids.filter(|pid| *pid > 0).map(Some).collect()
}

fn request(taken: &Taken) -> Option<String> {
    let (name, pid) = taken.process.as_ref()?;
    let gone = if taken.is_deserted { ", whose reader is gone" } else { "" };
    Some(format!("a request runs in {name}, process {pid}{gone}"))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use coursys_ops_core::Check;
    use coursys_ops_core::model::{CheckSpec, Code, Finding};

    use super::*;
    use crate::testing::{config, look};

    /// Says what holds.
    struct Requests(CheckSpec);

    #[async_trait]
    impl Check for Requests {
        fn spec(&self) -> &CheckSpec {
            &self.0
        }

        async fn look(&self, scope: &Scope) -> Vec<Finding> {
            let holds = requests(scope).await.unwrap_or_else(|why| vec![why]);
            holds.into_iter().map(|hold| Finding::failed(Code::Busy, hold, "wait")).collect()
        }
    }

    #[tokio::test]
    async fn while_docker_does_not_tell_which_containers_serve_nobody_says_that_no_request_runs() {
        let mut config = config();
        config.components.get_mut("gunicorn").unwrap().manager = Manager::Compose;
        // Its helper process fails at once, so that Docker cannot be asked.
        let holds = look(Requests(CheckSpec::new("test.requests", "Requests")), config).await;
        assert_eq!(holds.len(), 1, "{holds:?}");
        assert!(holds[0].message.starts_with("Docker does not tell which containers serve: "), "{holds:?}");
    }

    #[test]
    fn only_containers_that_run_have_a_network_to_look_into() {
        let container = |pid| Container { pid, ..Container::default() };
        assert_eq!(inside(&[container(7), container(0)]), [Some(7)]);
    }
}
