//! Faults of what manages the components. The units and containers are those of stand-ins: an engine and a systemd of one's
//! own are the staging server's matter.

use std::time::Duration;

use crate::matrix::{Fault, Scene};
use crate::stand_in::docker::{self, Engine, FakeContainer};
use crate::stand_in::systemd::{Bus, FakeUnit};

const UNITS: [&str; 5] = ["nginx", "docker", "gunicorn", "celery", "celerybeat"];
const CONTAINERS: [&str; 4] = ["rabbitmq", "elasticsearch", "memcached", "ruby-markup"];

/// An image that nobody has seen before.
const NEWER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

/// The rows of this area.
#[must_use]
pub fn rows() -> Vec<Fault> {
    [units(), containers(), engine(), nginx()].into_iter().flatten().collect()
}

/// Everything is managed by stand-ins, and well but for what these change.
fn managed(
    units: impl Fn(&mut Vec<FakeUnit>) + 'static,
    engine: impl Fn(Vec<FakeContainer>) -> Engine + 'static,
) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let directory = scene.directory();
        let mut known: Vec<FakeUnit> = UNITS.iter().map(|name| FakeUnit::well(name)).collect();
        units(&mut known);
        let bus = Bus::new(&directory, known);
        scene.set("systemd.bus", &bus.address);
        scene.hold(bus);
        let socket = directory.join("docker.sock");
        docker::serve(&socket, engine(CONTAINERS.iter().map(|name| FakeContainer::well(name)).collect()));
        scene.set("docker.socket", socket.display());
        scene.set("compose.project", docker::PROJECT);
        scene.set("compose.file", directory.join("docker-compose.yml").display());
        // Which processes the servers of the set have is not what these units say.
        for name in ["gunicorn", "celerybeat"] {
            scene.set(&format!("components.{name}.masters"), 1000);
        }
    }
}

/// One unit is not well.
fn unit(name: &'static str, change: fn(&mut FakeUnit)) -> impl Fn(&mut Scene<'_>) {
    let full = format!("{name}.service");
    managed(move |units| units.iter_mut().filter(|unit| unit.name == full).for_each(change), Engine::Tells)
}

/// One container is not well.
fn container(name: &'static str, change: fn(&mut FakeContainer)) -> impl Fn(&mut Scene<'_>) {
    managed(
        |_| (),
        move |mut containers| {
            containers.iter_mut().filter(|one| one.service == name).for_each(change);
            Engine::Tells(containers)
        },
    )
}

fn units() -> Vec<Fault> {
    let row = |name: &str, mechanism, unit_name, change: fn(&mut FakeUnit)| {
        Fault::new(name, mechanism).with(unit(unit_name, change))
    };
    vec![
        row("the unit of nginx is stopped", "unit stopped", "nginx", |unit| {
            (unit.active, unit.sub) = ("inactive", "dead");
        })
        .culprit("service.nginx", "failed not_running")
        .telling("service nginx start"),
        row("the unit of gunicorn has failed", "unit failed", "gunicorn", |unit| {
            (unit.active, unit.sub, unit.result) = ("failed", "failed", "exit-code");
        })
        .culprit("service.gunicorn", "failed unit_failed")
        .telling("exit-code"),
        row("the unit of Celery is masked", "unit's file", "celery", |unit| {
            (unit.load, unit.file, unit.active, unit.sub) = ("masked", "masked", "inactive", "dead");
        })
        .culprit("service.celery", "failed masked"),
        row("the unit of beat is not enabled", "unit's file", "celerybeat", |unit| unit.file = "disabled")
            .culprit("service.celerybeat", "warning not_enabled"),
        row("the unit of beat restarts over and over", "unit starting for ever", "celerybeat", |unit| {
            (unit.active, unit.sub, unit.restarts) = ("activating", "auto-restart", 9);
        })
        .culprit("service.celerybeat", "failed restart_loop")
        .telling("9 times"),
        row("the unit of Celery is starting for ever", "unit starting for ever", "celery", |unit| {
            (unit.active, unit.sub) = ("activating", "start");
        })
        .culprit("service.celery", "failed stuck_starting"),
        row("the files of nginx's unit have changed", "unit's file", "nginx", |unit| {
            unit.needs_reload = true
        })
        .culprit("service.nginx", "warning reload_needed")
        .telling("daemon-reload"),
        row(
            "the unit of gunicorn has come up a moment ago for the fifth time",
            "unit starting for ever",
            "gunicorn",
            |unit| {
                (unit.restarts, unit.since) = (5, Duration::from_secs(2));
            },
        )
        .culprit("service.gunicorn", "failed restart_loop"),
    ]
}

fn containers() -> Vec<Fault> {
    let row = |name: &str, mechanism, service, change: fn(&mut FakeContainer)| {
        Fault::new(name, mechanism).with(container(service, change))
    };
    vec![
        row("the container of RabbitMQ has exited", "container stopped", "rabbitmq", |one| {
            (one.state, one.exit_code, one.policy) = ("exited", 1, "on-failure");
        })
        .culprit("service.rabbitmq", "failed unit_failed")
        .telling("docker logs"),
        row("the container of RabbitMQ cannot be started", "container without a port", "rabbitmq", |one| {
            (one.state, one.exit_code, one.error) = ("exited", 128, "port is already allocated");
        })
        .culprit("service.rabbitmq", "failed unit_failed")
        .telling("port is already allocated"),
        row(
            "the container of RabbitMQ was stopped and ended badly",
            "container stopped",
            "rabbitmq",
            |one| {
                (one.state, one.exit_code) = ("exited", 1);
            },
        )
        .culprit("service.rabbitmq", "failed not_running"),
        row("the container of Elasticsearch was stopped", "container stopped", "elasticsearch", |one| {
            one.state = "exited";
        })
        .culprit("service.elasticsearch", "failed not_running"),
        row("the container of Elasticsearch is unhealthy", "container unhealthy", "elasticsearch", |one| {
            one.health = Some("unhealthy");
        })
        .culprit("service.elasticsearch", "failed unhealthy")
        .telling("it hurts"),
        row("the container of memcached is paused", "container stopped", "memcached", |one| {
            one.state = "paused"
        })
        .culprit("service.memcached", "failed paused")
        .telling("docker unpause"),
        row("the container of memcached is of an older image", "image replaced", "memcached", |one| {
            one.image_now = NEWER;
        })
        .culprit("service.memcached", "warning outdated"),
        row(
            "the container of the markup service restarts over and over",
            "unit starting for ever",
            "ruby-markup",
            |one| {
                (one.state, one.restarts) = ("restarting", 12);
            },
        )
        .culprit("service.ruby-markup", "failed restart_loop"),
        row("Docker publishes memcached to the world", "port published", "memcached", |one| {
            one.published = Some(("0.0.0.0", 11211));
        })
        .set("ports.private", "11211")
        .culprit("ports.exposed", "failed exposed"),
        row("a service of another layout has exited", "container stopped", "ruby-markup", |one| {
            (one.service, one.state) = ("logrotate", "exited");
        })
        .set("components.logrotate.manager", "compose")
        .set("components.ruby-markup.manager", "external")
        .culprit("service.logrotate", "failed not_running")
        .also("service.ruby-markup", "skipped not_in_layout"),
    ]
}

fn engine() -> Vec<Fault> {
    let docker = |name: &str, mechanism, engine: fn(Vec<FakeContainer>) -> Engine| {
        Fault::new(name, mechanism).with(managed(|_| (), engine))
    };
    vec![
        Fault::new("the unit of Docker is stopped", "unit stopped")
            .with(unit("docker", |unit| (unit.active, unit.sub) = ("inactive", "dead")))
            .culprit("service.docker", "failed not_running"),
        docker("Docker takes questions and gives no answer", "hung", |_| Engine::Silent)
            .culprit("service.docker", "failed timeout"),
        docker("Docker answers with nonsense", "garbage", |_| Engine::Garbage)
            .culprit("service.docker", "failed garbage"),
    ]
}

fn nginx() -> Vec<Fault> {
    // Root must own every directory on the way, or the file would not be believed.
    let configured = |text: &'static str| {
        move |scene: &mut Scene<'_>| {
            let directory = tempfile::Builder::new().prefix("coursys-ops-fault-").tempdir_in("/run").unwrap();
            let path = directory.path().join("nginx.conf");
            std::fs::write(&path, text).unwrap();
            scene.set("web.nginx_config", path.display());
            scene.hold(directory);
        }
    };
    vec![
        Fault::new("nginx's configuration on disk has a slip of the pen", "syntax error on disk")
            .with(configured("events {}\nhttp { servre { } }\n"))
            .culprit("web.nginx-config", "failed bad_configuration")
            .telling("servre"),
        Fault::new("nginx's configuration is gone from the disk", "missing file")
            .set("web.nginx_config", "/etc/no-such-nginx.conf")
            .culprit("web.nginx-config", "failed not_found"),
    ]
}
