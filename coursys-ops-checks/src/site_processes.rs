//! The running processes of the site, and which component each belongs to.

use coursys_ops_core::Scope;
use coursys_ops_core::config::Component;
use coursys_ops_core::helper::{Ask, Process};
use coursys_ops_core::model::{Code, Finding};

use crate::helper_answer::ask;

/// The processes of the site's user.
///
/// # Errors
///
/// A finding: this caller may not look, or the kernel did not tell.
pub(crate) async fn site_processes(scope: &Scope) -> Result<Vec<Process>, Finding> {
    let user = scope.site_user().await?;
    let uid = user.map_or(scope.context().caller.uid, |user| user.uid);
    let processes = ask(scope, Ask::Processes(uid, scope.config().site.dir.clone()), None).await?;
    processes.map_err(|refusal| {
        Finding::unknown(Code::HelperFailed, format!("cannot read /proc: {}", refusal.message))
    })
}

/// Whether it is a process of this site and of the component of this name. The beat is a program of Celery's, but no
/// worker.
pub(crate) fn is_of(process: &Process, name: &str, component: &Component) -> bool {
    let word = component.process.as_deref().unwrap_or(name);
    let file_name = |arg: &str| arg.rsplit('/').next() == Some(word);
    // A process that shows its state has one argument: `gunicorn: master [site]`, `[celeryd: fast@host:MainProcess]`.
    let shows = process.command.len() == 1 && process.command.iter().any(|arg| arg.contains(word));
    let is_beat = process.command.iter().any(|arg| arg == "beat");
    let wants_beat = name == "celerybeat";
    process.in_dir != Some(false)
        && is_beat == wants_beat
        && (shows || process.command.iter().any(|arg| file_name(arg)))
}
