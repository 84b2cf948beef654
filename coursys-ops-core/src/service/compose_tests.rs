use super::*;
use crate::config::{Sources, load};
use crate::helper::{Engine, Published};
use crate::service::compose_file::ComposeFile;
use crate::service::compose_hash::Told;
use crate::service::unit::tests::survey;

fn healthy() -> Container {
    Container {
        id: "c0ffee".into(),
        name: "coursys_rabbitmq_1".into(),
        service: "rabbitmq".into(),
        state: "running".into(),
        pid: 77,
        started: Some("2027-01-15T07:00:00.5Z".into()),
        created: Some("2027-01-15T06:59:00Z".into()),
        image: "rabbitmq:3".into(),
        image_id: "sha256:1".into(),
        restart_policy: "always".into(),
        memory: Some(1 << 20),
        compose_version: Some("1.29.2".into()),
        published: vec![Published {
            container: "coursys_rabbitmq_1".into(),
            ip: Some("127.0.0.1".into()),
            port: 5672,
            protocol: "tcp".into(),
        }],
        ..Container::default()
    }
}

fn seen(containers: Vec<Container>, change: impl FnOnce(&mut Surveyed)) -> (Part, Vec<String>) {
    let config = load(&Sources::default()).unwrap().config;
    let mut survey = survey();
    let images = [("rabbitmq:3".to_owned(), "sha256:1".to_owned())].into();
    survey.engine = Ok(Engine { containers, images, published: Vec::new() });
    let file = ComposeFile::read(b"services: { rabbitmq: { image: 'rabbitmq:3' } }");
    let mut seen = Surveyed { survey, file: file.map_err(Blind::Broken), hashes: None };
    change(&mut seen);
    let component = config.components["rabbitmq"].clone();
    let service = ComposeService::new(
        "rabbitmq".to_owned(),
        component,
        &config.compose.of_site(&config.site.dir),
        Surveyor::default(),
    );
    (service.part("rabbitmq", &seen, &config), service.call(&seen))
}

fn part(container: Container) -> Part {
    seen(vec![container], |_| ()).0
}

fn kinds(part: &Part) -> Vec<DriftKind> {
    part.drift.iter().map(|drift| drift.kind).collect()
}

#[test]
fn a_container_that_runs_is_seen_with_all_its_figures() {
    let part = part(healthy());
    assert_eq!((part.state, part.detail.as_str(), part.main_pid), (State::Running, "running", Some(77)));
    assert_eq!((part.version.as_deref(), part.enabled), (Some("rabbitmq:3"), Some(true)));
    assert_eq!(part.listens, ["127.0.0.1:5672"]);
    assert_eq!(part.containers, ["coursys_rabbitmq_1"]);
    assert!(part.since_ms.is_some() && part.drift.is_empty() && part.unseen.is_empty(), "{part:?}");
}

#[test]
fn every_state_of_a_container_is_told_apart() {
    let state = |change: fn(&mut Container)| {
        let mut container = healthy();
        change(&mut container);
        part(container).state
    };
    assert_eq!(state(|one| one.state = "paused".into()), State::Paused);
    assert_eq!(state(|one| one.state = "exited".into()), State::Stopped);
    assert_eq!(state(|one| (one.state, one.exit_code) = ("exited".into(), 143)), State::Stopped);
    let ended = |code, oom_killed, policy: &str| {
        let container = Container { exit_code: code, oom_killed, restart_policy: policy.into(), ..healthy() };
        part(Container { state: "exited".into(), ..container }).state
    };
    assert_eq!(ended(1, false, "no"), State::Failed);
    assert_eq!(ended(1, false, "on-failure"), State::Failed);
    assert_eq!(ended(137, true, "no"), State::Failed);
    // Docker keeps these running, whatever they end with, until somebody stops them.
    assert_eq!(ended(1, false, "always"), State::Stopped);
    assert_eq!(ended(1, false, "unless-stopped"), State::Stopped);
    let no_start = |state: &str| Container {
        state: state.into(),
        exit_code: 127,
        error: Some("no such file".into()),
        ..healthy()
    };
    assert_eq!(part(no_start("exited")).state, State::Failed);
    assert_eq!(part(no_start("created")).detail, "could not be started: no such file");
    assert_eq!(state(|one| one.state = "restarting".into()), State::Restarting);
    assert_eq!(state(|one| one.health = Some("unhealthy".into())), State::Unhealthy);
    assert_eq!(state(|one| one.health = Some("starting".into())), State::Starting);
    assert_eq!(state(|one| one.state = "dead".into()), State::Failed);
    assert_eq!(state(|one| one.state = "created".into()), State::Stopped);
}

#[test]
fn what_the_compose_file_describes_and_nobody_made_is_missing_and_the_rest_absent() {
    assert_eq!(seen(vec![], |_| ()).0.state, State::Missing);
    assert_eq!(seen(vec![], |seen| seen.file = Ok(ComposeFile::default())).0.state, State::Absent);
    let no_file = |seen: &mut Surveyed| seen.file = Err(Blind::Absent("none".into()));
    assert_eq!(seen(vec![], no_file).0.state, State::Absent);
    assert_eq!(seen(vec![healthy()], no_file).0.state, State::Running, "a container needs no file");
    let broken = |seen: &mut Surveyed| seen.file = Err(Blind::Broken("nonsense".into()));
    assert_eq!(seen(vec![], broken).0.state, State::Unseen);
}

#[test]
fn drift_of_a_container_is_named() {
    let older = seen(vec![healthy()], |seen| {
        if let Ok(engine) = &mut seen.survey.engine {
            engine.images.insert("rabbitmq:3".into(), "sha256:2".into());
        }
    });
    assert_eq!(kinds(&older.0), [DriftKind::OldImage]);
    assert!(older.0.drift[0].hint.contains("loses"), "{:?}", older.0.drift);
    let described = seen(vec![healthy()], |seen| {
        seen.file =
            ComposeFile::read(b"services: { rabbitmq: { image: 'rabbitmq:4' } }").map_err(Blind::Broken);
    });
    assert_eq!(kinds(&described.0), [DriftKind::OldDescription]);
    let (file, _) = seen(vec![healthy()], |seen| seen.survey.compose_changed_ms = Some(1_800_000_000_000));
    assert!(file.unseen.contains_key("description"), "{file:?}");
    let mut looped = healthy();
    (looped.restarts, looped.state) = (7, "restarting".into());
    assert_eq!(kinds(&part(looped)), [DriftKind::RestartLoop]);
}

#[test]
fn of_several_containers_the_best_counts_and_the_others_are_told() {
    let second = Container { name: "coursys_rabbitmq_2".into(), state: "exited".into(), pid: 0, ..healthy() };
    let (part, _) = seen(vec![second, healthy()], |_| ());
    assert_eq!(part.state, State::Running);
    assert_eq!(kinds(&part), [DriftKind::FewReplicas]);
}

#[test]
fn a_container_that_should_be_there_and_is_not_is_missed() {
    let few = |file: &str, version: &str| {
        let container = Container { compose_version: Some(version.to_owned()), ..healthy() };
        let (part, _) = seen(vec![container], |seen| {
            seen.file = ComposeFile::read(file.as_bytes()).map_err(Blind::Broken);
        });
        part.drift.into_iter().map(|drift| drift.message).collect::<Vec<_>>()
    };
    let three = "services: { rabbitmq: { image: 'rabbitmq:3', deploy: { replicas: 3 } } }";
    assert_eq!(few(three, "2.40.3"), ["1 of 3 containers of `rabbitmq` run"]);
    assert!(few(three, "1.29.2").is_empty(), "version 1 makes one, whatever this says");
    let any = "services: { rabbitmq: { image: 'rabbitmq:3', deploy: { replicas: '${N}' } } }";
    assert!(few(any, "2.40.3").is_empty());
}

#[test]
fn a_container_that_nothing_starts_after_a_reboot_is_not_enabled() {
    let policy = |policy: &str| kinds(&part(Container { restart_policy: policy.into(), ..healthy() }));
    assert_eq!(policy("no"), [DriftKind::NotEnabled]);
    for kept in ["always", "unless-stopped", "on-failure"] {
        assert!(policy(kept).is_empty(), "{kept}");
    }
}

#[test]
fn without_docker_nothing_is_there_and_with_a_stopped_one_everything_is_stopped() {
    let state = |blind: Blind| seen(vec![], |seen| seen.survey.engine = Err(blind)).0.state;
    assert_eq!(state(Blind::Absent("none".into())), State::Absent);
    assert_eq!(state(Blind::Down("stopped".into())), State::Stopped);
    let not_described = seen(vec![], |seen| {
        seen.survey.engine = Err(Blind::Down("stopped".into()));
        seen.file = Ok(ComposeFile::default());
    });
    assert_eq!(not_described.0.state, State::Absent, "what was there in another year is not missed");
    assert_eq!(state(Blind::Refused("no".into())), State::Unseen);
    assert_eq!(state(Blind::Silent("no".into())), State::Unseen);
}

#[test]
fn compose_is_called_in_the_version_that_made_the_containers_as_far_as_it_is_there() {
    let call = |v1, v2, made_by: &str| {
        let container = Container { compose_version: Some(made_by.into()), ..healthy() };
        let (_, call) = seen(vec![container], |seen| {
            (seen.survey.has_compose_v1, seen.survey.has_compose_v2) = (v1, v2);
        });
        call.into_iter().take_while(|word| !word.starts_with('-')).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(call(true, false, "1.29.2"), "docker-compose");
    assert_eq!(call(true, true, "1.29.2"), "docker-compose");
    assert_eq!(call(true, true, "2.40.3"), "docker compose");
    assert_eq!(call(false, true, "1.29.2"), "docker compose");
    assert_eq!(call(false, false, "1.29.2"), "");
}

#[test]
fn an_older_container_is_what_compose_says_it_is() {
    let second = || Container {
        compose_version: Some("2.40.3".into()),
        config_hash: Some("32e7".into()),
        ..healthy()
    };
    let first = || Container { config_hash: Some("32e7".into()), ..healthy() };
    let told = |by_first: bool, hash: Result<&str, &str>, container: Container| {
        let hashes = hash.map(|hash| [("rabbitmq".to_owned(), hash.to_owned())].into());
        let (part, _) = seen(vec![container], |seen| {
            seen.survey.compose_changed_ms = Some(1_800_000_000_000);
            seen.hashes = Some(Told { by_first, hashes: hashes.map_err(ToOwned::to_owned) });
        });
        (kinds(&part), part.unseen.get("description").cloned())
    };
    for (by_first, container) in [(false, second()), (true, first())] {
        assert_eq!(told(by_first, Ok("32e7"), container.clone()), (vec![], None));
        assert_eq!(told(by_first, Ok("0000"), container), (vec![DriftKind::OldDescription], None));
    }
    let (drift, why) = told(false, Err("compose does not tell: x"), second());
    assert!(drift.is_empty() && why.unwrap().ends_with("cannot be told: compose does not tell: x"));
    // Each hashes in its own way, and the other's would always differ.
    for (by_first, container) in [(true, second()), (false, first())] {
        let (drift, why) = told(by_first, Ok("0000"), container);
        assert!(drift.is_empty() && why.unwrap().contains("another version"));
    }
}
