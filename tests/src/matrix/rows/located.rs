//! Faults on the way to the workers that are asked to look where they are, and what wrong answers they give.

use crate::inject;
use crate::matrix::Fault;

/// The check that most rows send to `batch`: nothing needs it, it needs nothing, and the site has no task of its own for it.
const ID: &str = "disk.space.tmp";

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    [without_the_package(), on_the_way(), answers()].into_iter().flatten().collect()
}

/// A row in which that check is made by the worker of `batch`.
fn sent(name: &str, mechanism: &'static str) -> Fault {
    Fault::new(name, mechanism).set("checks.located", format!(r#"{{ "{ID}" = "batch" }}"#))
}

/// A check for which the site has a task of its own, so that the workers' children are in it: what a worker does not know, its
/// main process says at once.
const OF_SITE: &str = "disk.space.dumps";

/// A row in which that one is made by the worker of `batch`.
fn of_site(name: &str, mechanism: &'static str) -> Fault {
    Fault::new(name, mechanism).set("checks.located", format!(r#"{{ "{OF_SITE}" = "batch" }}"#))
}

/// The workers of the set do not have the package.
fn without_the_package() -> Vec<Fault> {
    let dumps = |name| {
        Fault::new(name, "made by the site's own task")
            .set("checks.located", r#"{ "files.writable.dumps" = "batch", "disk.space.dumps" = "batch" }"#)
    };
    vec![
        dumps("workers without the package are asked by the site's own tasks")
            .also("files.writable.dumps", "passed ok")
            .telling("check_db_backup_create")
            .also("disk.space.dumps", "passed ok")
            .telling("check_db_backup_free"),
        dumps("a directory that the worker does not see")
            .set("files.dumps", "/nonexistent")
            .culprit("files.writable.dumps", "failed not_found")
            .telling("check_db_backup_create"),
        sent("a worker without the package, and no task of the site's own", "worker without the task")
            .culprit(ID, "failed not_registered")
            .telling("install the Python package"),
    ]
}

fn on_the_way() -> Vec<Fault> {
    vec![
        sent("the worker that should look is stopped", "stopped")
            .with(inject::stopped("celery-batch"))
            .culprit("celery.queue.batch", "failed no_consumer")
            .culprit(ID, "failed no_consumer"),
        sent("the worker that should look hangs", "hung worker")
            .with(inject::hung("celery-batch"))
            .culprit("celery.queue.batch", "failed dead")
            .culprit(ID, "failed dead"),
        of_site("the children of the worker that should look hang", "hung children")
            .with(inject::hung_children("celery-batch"))
            .culprit("celery.queue.batch", "failed wedged")
            .culprit(OF_SITE, "failed wedged"),
        of_site("the worker that should look has long tasks", "worker busy")
            .with(inject::held("batch", 2))
            .culprit("celery.queue.batch", "warning busy")
            .culprit(OF_SITE, "warning busy")
            .telling("not begun before the deadline"),
        sent("the worker that should look is stopped for a maintenance", "stopped")
            .with(inject::stopped("celery-batch"))
            .with(|scene| super::maintenance::flag(scene, ""))
            .culprit("celery.queue.batch", "failed no_consumer")
            .also(ID, "skipped in_maintenance")
            .also("maintenance.state", "warning flag_without_lease")
            .also("database.dumps", "skipped in_maintenance"),
        sent("no message gets to the worker that should look", "stopped")
            .with(inject::stopped("rabbitmq"))
            .culprit("broker.connection", "failed refused"),
    ]
}

/// A worker of our own making takes the place of the site's.
fn answers() -> Vec<Fault> {
    let answers = |name: &str, mechanism, body: &'static str| {
        sent(name, mechanism).with(inject::false_worker("batch", body))
    };
    vec![
        answers("a worker looks where it is", "made by a worker", "return answer(found(ids[0]))")
            .also(ID, "passed ok")
            .telling("seen by batch@"),
        answers(
            "what a worker must not say of others",
            "made by a worker",
            "return answer(found(ids[0]), found('database.connection', [{'status': 'failed', 'code': 'refused', \
             'subject': None, 'message': 'x', 'hint': 'x', 'measurements': []}]))",
        )
        .also(ID, "passed ok"),
        answers(
            "a worker says nothing of what it was asked",
            "wrong answer",
            "return answer(found('database.connection'))",
        )
        .culprit(ID, "failed wrong_answer"),
        answers("a worker answers with garbage", "garbage", "return ['\\x1b[31m', ids, deadline]")
            .culprit(ID, "failed wrong_answer"),
        answers(
            "a worker of another version",
            "wrong version",
            "return answer(found(ids[0]), schema=2)",
        )
        .culprit(ID, "failed wrong_version")
        .telling("install version"),
        answers(
            "a worker of another version knows codes that we do not",
            "wrong version",
            "return answer(found(ids[0], [{'status': 'failed', 'code': 'of_tomorrow', 'subject': None, 'message': 'x', \
             'hint': 'x', 'measurements': []}]), version='99.0')",
        )
        .culprit(ID, "failed wrong_version")
        .telling("99.0"),
        answers(
            "a worker does not know the check",
            "worker misconfigured",
            "return {'schema': 1, 'worker': me, 'report': None, 'error': 'no check matches'}",
        )
        .culprit(ID, "failed task_failed")
        .telling("no check matches"),
        answers("a worker's task breaks", "worker misconfigured", "raise RuntimeError('broken')")
            .culprit(ID, "failed task_failed")
            .telling("broken"),
        // The file system that it looks at hangs, say.
        answers("a worker looks and comes to no end", "hung worker", "time.sleep(7)")
            .culprit(ID, "failed timeout")
            .telling("has begun to look"),
    ]
}
