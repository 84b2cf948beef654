//! Maintenance on a whole server when things go wrong: it is killed, it has no room, somebody else interferes.

use std::time::Duration;

use coursys_ops_tests::{FLAG, Open, killed_at, staging};

const VM: &str = "vm";

/// Every step of closing.
const ENTERING: [&str; 11] = [
    "flag.entering",
    "hold.directories",
    "hold.celery",
    "hold.celerybeat",
    "hold.reload",
    "celerybeat.stop",
    "workers.quiet",
    "celery.stop",
    "workers.gone",
    "pages.closed",
    "flag.on",
];

/// Every step of draining.
const DRAINING: [&str; 10] = [
    "flag.draining",
    "hold.directories",
    "hold.celery",
    "hold.celerybeat",
    "hold.reload",
    "celerybeat.stop",
    "pages.closed",
    "queues.drain",
    "lift.celery",
    "lift.reload",
];

/// Every step of opening a site whose workers rest.
const LEAVING: [&str; 8] = [
    "flag.leaving",
    "lift.celery",
    "lift.celerybeat",
    "lift.reload",
    "celery.start",
    "workers.consume",
    "celerybeat.start",
    "pages.open",
];

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn a_maintenance_that_is_killed_while_it_is_entered_tells_the_truth_and_is_completed() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    for step in ENTERING {
        killed_at(&server, "503", step);
        let state = open.status()["state"].as_str().unwrap().to_owned();
        let true_at: &[&str] = match step {
            "flag.entering" => &["up", "entering"],
            "flag.on" => &["entering", "on"],
            _ => &["entering"],
        };
        assert!(true_at.contains(&state.as_str()), "{step}: {state}");
        open.does(&["503"]);
        open.is("on", "-");
        open.does(&["rm503"]);
        open.is_open();
    }
    // Whoever changes his mind is served too.
    killed_at(&server, "503", "workers.quiet");
    open.does(&["rm503"]);
    open.is_open();
    open.does(&["check", "celery.*"]);
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn a_maintenance_that_is_killed_while_it_is_left_tells_the_truth_and_is_completed() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    for step in LEAVING {
        open.does(&["503"]);
        killed_at(&server, "rm503", step);
        let state = open.status()["state"].as_str().unwrap().to_owned();
        let true_at: &[&str] = match step {
            "flag.leaving" => &["on", "leaving"],
            "pages.open" => &["leaving", "up"],
            _ => &["leaving"],
        };
        assert!(true_at.contains(&state.as_str()), "{step}: {state}");
        open.does(&["rm503"]);
        open.is_open();
    }
    open.does(&["503"]);
    killed_at(&server, "rm503", "celery.start");
    open.does(&["503"]);
    open.is("on", "-");
    open.does(&["rm503"]);
    // Workers that never stopped are told to take tasks again, which may be cut off too.
    killed_at(&server, "503", "workers.quiet");
    killed_at(&server, "rm503", "workers.rouse");
    assert_eq!(open.status()["state"], "leaving");
    open.does(&["rm503"]);
    open.is_open();
    open.does(&["check", "celery.*"]);
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn a_draining_that_is_killed_tells_the_truth_and_is_completed() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    for step in DRAINING {
        killed_at(&server, "drain --timeout 5m", step);
        let status = open.status();
        let told = (status["state"].as_str().unwrap(), status["code"].as_str().unwrap_or("-"));
        // The flag may be there already, and may not.
        let first = step == "flag.draining" && told == ("up", "-");
        assert!(first || told == ("entering", "draining"), "{step}: {status:#}");
        open.does(&["drain", "--timeout", "5m"]);
        open.is("entering", "draining");
        assert_eq!(open.active(), ["active", "inactive"], "{step}");
        open.does(&["rm503"]);
        open.is_open();
    }
    // Whoever goes on to a maintenance, or changes his mind, is served too.
    killed_at(&server, "drain --timeout 5m", "queues.drain");
    open.does(&["503"]);
    open.is("on", "-");
    open.does(&["rm503"]);
    killed_at(&server, "drain --timeout 5m", "hold.reload");
    open.does(&["rm503"]);
    open.is_open();
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn a_maintenance_whose_time_is_over_is_told_and_ends_only_when_somebody_ends_it() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    open.does(&["503", "--for", "1s", "--reason", "new disks"]);
    std::thread::sleep(Duration::from_secs(2));
    open.is("on", "lease_expired");
    let check = open.does(&["check", "maintenance.state"]).stdout;
    assert!(check.contains("lease_expired") || check.contains("is over"), "{check}");
    let strict = open.ops(&["check", "--strict", "maintenance.state"]);
    assert_eq!(strict.code, 1, "{strict:?}");
    assert_eq!(open.active(), ["inactive", "inactive"]);
    // More time is asked for without opening it.
    open.does(&["503", "--for", "2h"]);
    open.is("on", "-");
    open.does(&["rm503"]);
    open.is_open();
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn a_task_that_does_not_end_keeps_the_maintenance_entering_and_is_named_and_killed_only_on_request() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    open.hold("sims");
    let ended = open.ops(&["503", "--within", "10s"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(format!("{}{}", ended.stdout, ended.stderr).contains("coredata.tasks.hold"), "{ended:?}");
    open.is("entering", "flag_but_workers");
    // The site opens again, and the task has not noticed.
    open.does(&["rm503"]);
    open.is("up", "-");
    open.does(&["check", "celery.nodes", "celery.queue.fast"]);
    // It ends only when somebody says that it may.
    open.does(&["503", "--within", "5s", "--kill-tasks"]);
    open.is("on", "-");
    open.does(&["rm503"]);
    open.is_open();
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn a_maintenance_that_has_no_room_or_no_right_to_write_begins_nothing_and_ends_nothing() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    server.done(&["sh", "-c", "mkdir -p /run/load-full && mount -t tmpfs -o size=4k,mode=777 full /run/load-full && \
                               runuser -u coursys -- sh -c 'cat /dev/zero > /run/load-full/x' 2>/dev/null; true"]);
    let ended = open.ops(&["--set", "maintenance.flag=/run/load-full/503", "503"]);
    server.done(&["umount", "/run/load-full"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(format!("{}{}", ended.stdout, ended.stderr).contains("cannot write the flag"), "{ended:?}");
    open.does(&["abandon"]);
    open.is_open();
    let read_only = ["sh", "-c", "mount --bind /coursys /coursys && mount -o remount,ro,bind /coursys"];
    server.done(&read_only);
    let ended = open.ops(&["503"]);
    server.done(&["umount", "/coursys"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    open.is_open();
    // The other way round: a site that is closed stays closed.
    open.does(&["503"]);
    server.done(&read_only);
    let ended = open.ops(&["rm503"]);
    server.done(&["umount", "/coursys"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    open.is("on", "-");
    open.does(&["rm503"]);
    open.is_open();
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn a_flag_of_others_is_taken_over_on_request_and_a_maintenance_that_is_served_is_told() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    assert_eq!(server.run_as("coursys", &["touch", FLAG]).code, 0);
    assert_eq!(open.ops(&["503"]).code, 3);
    open.does(&["503", "--take-over", "--reason", "mine now"]);
    open.is("on", "-");
    assert_eq!(open.status()["lease"]["why"], "mine now");
    // Everybody may know.
    for user in ["coursys", "admin", "visitor"] {
        let told = server.run_as(user, &["coursys-ops", "maintenance", "status", "--format", "json"]);
        let status: serde_json::Value =
            serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{user}: {error}: {told:?}"));
        assert_eq!((told.code, status["state"].as_str()), (0, Some("on")), "{user}: {status:#}");
    }
    // Other commands do not start what rests.
    for args in [&["start-all"][..], &["service", "celery", "start"], &["service", "celerybeat", "restart"]] {
        let refused = open.ops(args);
        assert_eq!(refused.code, 3, "{args:?}: {refused:?}");
        assert!(refused.stderr.contains("rm503"), "{args:?}: {refused:?}");
    }
    let common = "/etc/nginx/sites-available/_common.conf";
    let served = |from: &str, to: &str| {
        server.done(&["sed", "-i", &format!("s,-f {from},-f {to},"), common]);
        server.done(&["systemctl", "reload", "nginx"]);
        std::thread::sleep(Duration::from_secs(2));
    };
    served(FLAG, "/coursys/504");
    let status = open.status();
    let check = open.ops(&["check", "maintenance.state"]);
    served("/coursys/504", FLAG);
    assert_eq!(
        (status["state"].as_str(), status["code"].as_str()),
        (Some("inconsistent"), Some("flag_but_served"))
    );
    assert_eq!(check.code, 1, "{check:?}");
    open.is("on", "-");
    open.does(&["rm503"]);
    open.is_open();
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn whatever_lies_in_the_place_of_the_flag_is_taken_over_and_stays_until_ours_is_written() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    open.does(&["503"]);
    let passwd = server.done(&["sha256sum", "/etc/passwd"]);
    for (what, make) in [
        ("a link", "ln -s /etc/passwd"),
        ("a link to nothing", "ln -s /nowhere"),
        ("a directory", "mkdir"),
        ("a pipe", "mkfifo"),
        ("a gigabyte", "truncate -s 1G"),
    ] {
        let make = format!("rm {FLAG} && {make} {FLAG}");
        assert_eq!(server.run_as("coursys", &["sh", "-c", &make]).code, 0, "{what}");
        open.is("inconsistent", "flag_without_lease");
        open.does(&["503", "--take-over", "--reason", what]);
        open.is("on", "-");
        assert_eq!(open.status()["lease"]["why"], what);
        assert_eq!(server.run(&["test", "-f", FLAG, "-a", "!", "-h", FLAG]).code, 0, "{what}");
    }
    open.does(&["rm503"]);
    open.is_open();
    // Where there is no room for ours, nobody loses theirs: nginx would open the site, and the workers run.
    let full = "mkdir -p /run/load-full && mount -t tmpfs -o size=4k,mode=777 full /run/load-full && \
                runuser -u coursys -- ln -s /etc/passwd /run/load-full/503 && \
                runuser -u coursys -- sh -c 'cat /dev/zero > /run/load-full/x' 2>/dev/null; true";
    server.done(&["sh", "-c", full]);
    let ended = open.ops(&["--set", "maintenance.flag=/run/load-full/503", "503", "--take-over"]);
    let link = server.run(&["readlink", "/run/load-full/503"]).stdout;
    let left = server.run(&["ls", "-A", "/run/load-full"]).stdout;
    server.done(&["umount", "/run/load-full"]);
    assert_eq!((ended.code, link.trim()), (1, "/etc/passwd"), "{ended:?}");
    assert_eq!(left.split_whitespace().collect::<Vec<_>>(), ["503", "x"]);
    open.does(&["abandon"]);
    open.is_open();
    assert_eq!(server.done(&["sha256sum", "/etc/passwd"]), passwd);
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full maintenance`"]
fn a_drained_site_keeps_its_workers_from_being_stopped_and_goes_on_to_a_maintenance() {
    let Some(server) = staging(VM) else { return };
    let open = Open::on(&server);
    open.hold("batch");
    let ended = open.ops(&["drain", "--timeout", "10s"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(
        format!("{}{}", ended.stdout, ended.stderr).contains("coredata.tasks.hold of `batch` runs on"),
        "{ended:?}"
    );
    open.is("entering", "draining");
    // Cron would kill the task 90 s later.
    assert_ne!(server.run(&["systemctl", "restart", "celery"]).code, 0);
    let _ = server.run(&["systemctl", "restart", "celerybeat"]);
    assert_eq!(open.active(), ["active", "inactive"]);
    assert_eq!(open.ops(&["service", "celery", "restart"]).code, 3);
    open.release();
    open.does(&["drain", "--timeout", "2m"]);
    open.is("entering", "draining");
    // Nothing is left, so that RabbitMQ may be made anew.
    open.does(&["service", "rabbitmq", "recreate"]);
    open.does(&["503"]);
    open.is("on", "-");
    // In a maintenance the queues are counted only.
    open.does(&["drain"]);
    open.is("on", "-");
    open.does(&["drain", "--start-workers"]);
    assert_eq!(open.active(), ["active", "inactive"]);
    open.does(&["rm503"]);
    open.is_open();
}
