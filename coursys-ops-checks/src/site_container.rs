//! The container that the site runs in, where `site.service` names one: its Python and its view of the files are there.

use std::path::Path;
use std::time::Duration;

use coursys_ops_core::Scope;
use coursys_ops_core::config::{Config, Manager};
use coursys_ops_core::containers::seen_through;
use coursys_ops_core::helper::{Blind, Container};
use coursys_ops_core::model::{CheckSpec, Code, Finding};
use coursys_ops_core::process::User;
use coursys_ops_core::service::check_id;

/// How long the checks of Docker and of one of its containers may take, which then come first.
const BEFORE: Duration = Duration::from_millis(1_300);

/// A check of what is in the site's container needs that one: when it does not run, that is the one failure.
pub(crate) fn needs_site(spec: CheckSpec, config: &Config) -> CheckSpec {
    let Some(service) = config.site.service.as_deref() else { return spec };
    let mut of_compose =
        config.components.iter().filter(|(_, component)| component.manager == Manager::Compose);
    match of_compose.find(|(name, component)| component.unit_names(name).contains(&service)) {
        Some((name, _)) => {
            let left = spec.timeout.saturating_sub(BEFORE);
            spec.needs(check_id(name)).timeout(left)
        }
        None => spec,
    }
}

/// The container to ask in; nothing when the site runs on this machine, or this is its container.
///
/// # Errors
///
/// A finding: none runs, this caller may not ask Docker, or Docker does not tell.
pub(crate) async fn site_container(scope: &Scope) -> Result<Option<Container>, Finding> {
    let Some(service) = scope.config().site.service.as_deref() else { return Ok(None) };
    match scope.containers().of(service).await {
        Ok(own) => match own.into_iter().next() {
            Some(container) if container.state == "running" => Ok(Some(container)),
            Some(container) => {
                Err(not_running(service, &format!("{} is {}", container.name, container.state)))
            }
            None => Err(not_running(service, "there is none")),
        },
        Err(Blind::Absent(_)) => Ok(None),
        Err(Blind::Down(why)) => Err(not_running(service, &why)),
        Err(Blind::Refused(why)) => {
            Err(Finding::skipped(Code::NotPermitted, format!("the site is in a container, and {why}"))
                .with_hint("run the check with sudo"))
        }
        Err(blind) => Err(Finding::unknown(Code::HelperFailed, blind.to_string())),
    }
}

fn not_running(service: &str, why: &str) -> Finding {
    Finding::failed(
        Code::NotRunning,
        format!("no container of the compose service `{service}`, in which the site is asked, runs: {why}"),
        "start it, or correct `site.service`",
    )
}

/// Where the site's container sees a path of this machine, from here, and as whom the site looks there; nothing when it
/// does not see it, or there is no container. Only root and that account can look.
///
/// # Errors
///
/// Why the container cannot be found; see [`site_container`]. One that does not run is told by who looks at services.
pub(crate) async fn as_the_site_sees(
    scope: &Scope,
    path: &Path,
    site: Option<&User>,
) -> Result<Option<(std::path::PathBuf, Option<User>)>, Finding> {
    let container = site_container(scope).await.map_err(|finding| match finding.code {
        Code::NotRunning => Finding::skipped(Code::NotRunning, finding.message),
        _ => finding,
    })?;
    let Some(container) = container else { return Ok(None) };
    let Some(place) = seen_through(&container, path) else { return Ok(None) };
    let main = format!("/proc/{}", container.pid);
    let owner = scope.stat(Path::new(&main), true, None).await;
    let owner = owner.map_err(|error| Finding::unknown(Code::HelperFailed, error.to_string()))?;
    let Ok(owner) = owner else { return Ok(None) };
    let inside = site.map(|site| {
        if site.uid == owner.uid && site.gid == owner.gid {
            site.clone()
        } else {
            User {
                name: format!("user {} of {}", owner.uid, container.name),
                uid: owner.uid,
                gid: owner.gid,
                home: None,
            }
        }
    });
    Ok(Some((place, inside)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config;

    #[test]
    fn what_is_in_the_sites_container_needs_its_service() {
        let mut config = config();
        let spec = || CheckSpec::new("site.python", "x").timeout(Duration::from_secs(9));
        assert_eq!(needs_site(spec(), &config).needs, spec().needs);
        config.site.service = Some("app".to_owned());
        assert_eq!(needs_site(spec(), &config).needs, spec().needs, "nobody manages it");
        let component: coursys_ops_core::config::Component =
            serde_json::from_str(r#"{"manager": "compose", "unit": "app"}"#).unwrap();
        config.components.insert("gunicorn".to_owned(), component);
        let spec = needs_site(spec(), &config);
        assert_eq!(
            (spec.needs, spec.timeout),
            (vec!["service.gunicorn".to_owned()], Duration::from_millis(7_700))
        );
    }
}
