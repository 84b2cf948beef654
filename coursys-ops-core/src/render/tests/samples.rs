//! Reports as they come: each is a fold of events, as the runner would have sent them.

use crate::model::{
    Code, Ended, Event, ExitPolicy, Finding, Interruption, Listed, Location, Measurement, Report, RunStart,
    Tier,
};
use crate::run::Fold;

const GIB: f64 = 1_073_741_824.0;

/// Every sample with the name of its golden files.
pub fn all() -> Vec<(&'static str, Report)> {
    [
        ("all_well", all_well()),
        ("broker_down", broker_down()),
        ("deadline", deadline()),
        ("warnings", warnings()),
        ("interrupted", interrupted()),
        ("empty", empty()),
    ]
    .map(|(name, events)| (name, fold(&events)))
    .to_vec()
}

/// The report of these events.
pub fn fold(events: &[Event]) -> Report {
    let mut fold = Fold::default();
    events.iter().for_each(|event| fold.push(event));
    fold.report(ExitPolicy::default())
}

fn listed(id: &str, title: &str, tier: Tier, needs: &[&str]) -> Listed {
    Listed {
        id: id.to_owned(),
        title: title.to_owned(),
        tier,
        location: Location::Local,
        needs: needs.iter().map(|&need| need.to_owned()).collect(),
    }
}

/// The checks of a small site.
fn site() -> Vec<Listed> {
    let queue = |name: &str, title: &str| {
        listed(&format!("celery.queue.{name}"), title, Tier::Deploy, &["broker.connection"])
    };
    vec![
        listed("database.connection", "Database", Tier::Sanity, &[]),
        listed("database.unicode", "Database text", Tier::Deploy, &["database.connection"]),
        listed("broker.connection", "Message broker", Tier::Sanity, &[]),
        queue("batch", "Celery batch task"),
        queue("email", "Celery email task"),
        queue("fast", "Celery task"),
        queue("photo", "Celery photo task"),
        queue("sims", "Celery sims task"),
        listed("celery.beat", "Celery beat", Tier::Deploy, &["database.connection", "celery.queue.fast"]),
        listed("cache.connection", "Cache", Tier::Sanity, &[]),
        listed("search.connection", "Search", Tier::Sanity, &[]),
        listed("search.query", "Search index", Tier::Deploy, &["search.connection"]),
        listed("files.writable.submitted", "Submitted files", Tier::Deploy, &[]),
        listed("disk.space.dumps", "Space for dumps", Tier::Deploy, &["files.writable.submitted"]),
        listed("time.offset", "Clock", Tier::Deploy, &[]),
        listed("site.locale", "Locale", Tier::Deploy, &[]),
    ]
}

fn started(checks: Vec<Listed>) -> Event {
    let run = RunStart {
        id: "5b6f3c1e-0d3a-4c55-9a7f-2f4f0c9d1e77".to_owned(),
        started_at: "2026-11-22T03:04:05.678Z".to_owned(),
        deadline_ms: 15_000,
        host: "cs-web1".to_owned(),
        user: "root".to_owned(),
        layout: "vm".to_owned(),
        tier: Tier::Deploy,
        version: "0.1.0".to_owned(),
    };
    Event::RunStarted { run, checks }
}

fn finished(id: &str, duration_ms: f64, findings: Vec<Finding>) -> Event {
    Event::CheckFinished { id: id.to_owned(), duration_ms: Some(duration_ms), findings, because: Vec::new() }
}

fn fact(label: &str, value: &str) -> Event {
    Event::Fact { label: label.to_owned(), value: value.to_owned() }
}

fn ended(ended: Ended, duration_ms: f64, abandoned: u32) -> Event {
    let interruption = (ended == Ended::Interrupted).then_some(Interruption::Interrupt);
    Event::RunEnded { ended, interruption, duration_ms, abandoned }
}

fn offset(value: f64) -> Measurement {
    Measurement::new("offset", value, "s").critical_at(0.1)
}

fn free(value: f64) -> Measurement {
    Measurement::new("free_space", value * GIB, "B").critical_at(50.0 * GIB)
}

/// What each check of the site finds on a good day.
fn good_day() -> Vec<Event> {
    let mut events = vec![started(site())];
    let looks: Vec<(f64, Finding)> = vec![
        (11.2, Finding::passed("connected to MariaDB as `coursys`, 42 semesters")),
        (3.4, Finding::passed("a non-BMP character came back as it was sent")),
        (8.9, Finding::passed("logged in to vhost `myvhost` as `coursys`")),
        (21.0, Finding::passed("answered by `batch@cs-web1`")),
        (18.7, Finding::passed("answered by `email@cs-web1`")),
        (17.9, Finding::passed("answered by `fast@cs-web1`")),
        (20.2, Finding::passed("answered by `photo@cs-web1`")),
        (19.5, Finding::passed("answered by `sims@cs-web1`")),
        (
            2.1,
            Finding::passed("the last beat was 131 s ago")
                .measured(Measurement::new("age", 131.0, "s").critical_at(1200.0)),
        ),
        (1.3, Finding::passed("a value survived in memcached 1.6.18")),
        (14.6, Finding::passed("cluster `coursys` is green")),
        (6.8, Finding::passed("213 hits for `cmpt`").measured(Measurement::new("hits", 213.0, ""))),
        (31.0, Finding::passed("the site's user can write").about("/filestore/prod/submitted_files")),
        (4.4, Finding::passed("212 GiB free").about("/filestore/prod/db_backup").measured(free(212.0))),
        (35.3, Finding::passed("0.0004 s ahead of ntp.example.ca").measured(offset(0.0004))),
        (9.0, Finding::passed("all 31 processes run with C.UTF-8")),
    ];
    let ids = site().into_iter().map(|listed| listed.id);
    events.extend(ids.zip(looks).map(|(id, (ms, finding))| finished(&id, ms, vec![finding])));
    events.push(fact("database", "MariaDB 10.11.6"));
    events.push(fact("search", "Elasticsearch 5.6.16"));
    events
}

/// The good day, but for these checks.
fn but(others: Vec<Event>) -> Vec<Event> {
    let id = |event: &Event| match event {
        Event::CheckFinished { id, .. } => Some(id.clone()),
        _ => None,
    };
    let changed: Vec<String> = others.iter().filter_map(id).collect();
    let mut events = good_day();
    events.retain(|event| id(event).is_none_or(|id| !changed.contains(&id)));
    events.extend(others);
    events
}

/// The good day without any word of the checks whose ids begin like this.
fn silent(prefixes: &[&str], others: Vec<Event>) -> Vec<Event> {
    let mut events = but(others);
    events.retain(|event| match event {
        Event::CheckFinished { id, findings, .. } => {
            findings.iter().any(|finding| finding.code != Code::Ok)
                || !prefixes.iter().any(|prefix| id.starts_with(prefix))
        }
        _ => true,
    });
    events
}

pub fn all_well() -> Vec<Event> {
    let mut events = good_day();
    events.push(ended(Ended::Complete, 78.4, 0));
    events
}

/// One root with dependents two levels deep, and one skipped for a reason of its own.
pub fn broker_down() -> Vec<Event> {
    let mut events = silent(
        &["celery."],
        vec![
            finished(
                "broker.connection",
                1.8,
                vec![Finding::failed(
                    Code::Refused,
                    "nothing listens on 127.0.0.1:5672",
                    "start RabbitMQ: `cd /coursys && sudo -u coursys docker compose up -d rabbitmq`, \
                     then look at `docker compose logs rabbitmq`",
                )],
            ),
            finished(
                "files.writable.submitted",
                0.2,
                vec![
                    Finding::skipped(
                        Code::NotPermitted,
                        "only root and `coursys` can ask this as the site's user; this is `ggbaker`",
                    )
                    .with_hint("run the check with sudo"),
                ],
            ),
        ],
    );
    events.push(ended(Ended::Complete, 412.0, 0));
    events
}

/// One check hangs past the run's deadline, another fails in several ways.
pub fn deadline() -> Vec<Event> {
    let mut events = silent(
        &["search."],
        vec![finished(
            "disk.space.dumps",
            5000.3,
            vec![
                Finding::passed("61 % of the inodes are free").about("/filestore/prod/db_backup"),
                Finding::failed(
                    Code::LowSpace,
                    "only 12.5 GiB free, less than 50 GiB",
                    "delete old dumps, or ask for a larger volume",
                )
                .about("/filestore/prod/db_backup")
                .measured(free(12.5)),
                Finding::failed(
                    Code::Timeout,
                    "no answer within 5 s",
                    "look at `dmesg` and at the NFS server",
                )
                .about("/mnt/old"),
            ],
        )],
    );
    events.push(ended(Ended::Deadline, 15_020.0, 1));
    events
}

/// Works, but somebody should look.
pub fn warnings() -> Vec<Event> {
    let busy = |queue: &str, task: &str| {
        finished(
            &format!("celery.queue.{queue}"),
            2000.0,
            vec![Finding::warning(
                Code::Busy,
                format!("no child of the worker was free within 2 s; it runs `{task}`"),
                "normal while a long task runs; look again in an hour",
            )],
        )
    };
    let mut events = but(vec![
        busy("batch", "coredata.tasks.backup_database"),
        busy("sims", "dashboard.tasks.import_all"),
        finished(
            "time.offset",
            35.0,
            vec![
                Finding::warning(
                    Code::ClockOff,
                    "the clock is 0.07 s behind ntp.example.ca",
                    "look at `chronyc tracking`\nand whether UDP port 123 is open",
                )
                .measured(offset(-0.07).warning_at(0.05)),
            ],
        ),
    ]);
    events.push(ended(Ended::Complete, 2040.0, 0));
    events
}

pub fn interrupted() -> Vec<Event> {
    let mut events = silent(&["search.", "time.", "site."], Vec::new());
    events.push(ended(Ended::Interrupted, 2100.0, 0));
    events
}

/// Nothing was selected.
pub fn empty() -> Vec<Event> {
    vec![started(Vec::new()), ended(Ended::Complete, 0.3, 0)]
}
