//! The handbook's small tools on a server of containers, and as whom they act.

use std::fs;
use std::time::Duration;

use coursys_ops_tests::compose::{acts, ends, exits, is, is_open, running, status};
use coursys_ops_tests::{Staging, container, healthy_compose, settles};

/// What the realm's own tools want to know, on the server.
const REALM: [&str; 6] = [
    "setpriv",
    "--reuid=nobody",
    "--regid=nogroup",
    "--clear-groups",
    "env",
    "KRB5_CONFIG=/srv/outside/kdc/krb5.conf",
];

/// Puts a program on the server.
fn program(server: &Staging, path: &str, text: &str) {
    fs::write(server.path(path), text).unwrap();
    server.done(&["chmod", "755", path]);
}

/// When a container was started, and which one it is.
fn started(server: &Staging, service: &str) -> (String, String) {
    let format = "{{.State.StartedAt}} {{.Id}}";
    let said = server.done(&["docker", "inspect", "--format", format, &container(service)]);
    let (at, id) = said.split_once(' ').expect("two words");
    (at.to_owned(), id.to_owned())
}

/// Runs Python in a container of the site.
fn site(server: &Staging, script: &str) -> String {
    let name = container("celery-batch");
    server.done(&["docker", "exec", &name, "/venv/bin/python", "manage.py", "shell", "--command", script])
}

#[test]
fn compose_is_called_by_the_sites_account_in_its_directory_with_its_own_groups() {
    let Some(server) = healthy_compose() else { return };
    let recorder = "#!/bin/sh\necho \"$(id -un) $(id -Gn | tr ' ' ,) $PWD $HOME $*\" >> /tmp/composed\nexec docker compose \"$@\"\n";
    program(&server, "/usr/local/bin/recorded-compose", recorder);
    let _ = server.run(&["rm", "-f", "/tmp/composed"]);
    let set = "compose.command=[\"/usr/local/bin/recorded-compose\"]";
    let ended = server.run(&["coursys-ops", "--set", set, "service", "memcached", "restart"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    let composed = server.done(&["cat", "/tmp/composed"]);
    // Questions are asked in the same way.
    let acted =
        composed.lines().find(|line| line.contains(" restart ")).unwrap_or_else(|| panic!("{composed}"));
    let words: Vec<&str> = acted.split(' ').collect();
    assert_eq!([words[0], words[2], words[3]], ["coursys", "/coursys", "/home/coursys"], "{composed}");
    assert!(words[1].split(',').any(|group| group == "docker"), "{composed}");
    let options = "--ansi never -f /coursys/compose.yml --project-directory /coursys restart -t 50 memcached";
    assert_eq!(words[4..].join(" "), options, "named files: no override file of others counts");
    server.done(&["rm", "/tmp/composed", "/usr/local/bin/recorded-compose"]);
}

#[test]
fn clear_cache_starts_the_same_container_anew_and_the_cache_is_empty() {
    let Some(server) = healthy_compose() else { return };
    site(&server, "from django.core.cache import cache; cache.set('kept', 'x', 600)");
    let get = "from django.core.cache import cache; print('kept is', cache.get('kept'))";
    assert!(site(&server, get).contains("kept is x"));
    let before = started(&server, "memcached");
    let ended = server.run(&["coursys-ops", "clear-cache", "--dry-run"]);
    assert!(ended.code == 0 && ended.stdout.contains("restart -t 50 memcached"), "{}", ended.stdout);
    assert_eq!(started(&server, "memcached"), before, "nothing was done");
    acts(&server, &["clear-cache"]);
    let after = started(&server, "memcached");
    assert!(after.0 > before.0 && after.1 == before.1, "{before:?} {after:?}");
    settles(true, || site(&server, get).contains("kept is None"));
    settles(0, || ends(&server, &["check", "cache.connection", "service.memcached"]).code);
}

#[test]
fn a_login_of_an_administrator_gives_the_containers_a_ticket_and_a_wrong_password_changes_nothing() {
    let Some(server) = healthy_compose() else { return };
    let admin = ["KRB5_KDC_PROFILE=/srv/outside/kdc/kdc.conf", "kadmin.local", "-r", "EXAMPLE.TEST", "-q"];
    for query in ["delprinc -force reader", "addprinc -pw horse-12 reader"] {
        let _ = server.run(&[&REALM[..], &admin, &[query]].concat());
    }
    let kinit = |password: &str| {
        let script = "printf '%s\\n' \"$1\" | coursys-ops kinit reader --password-fd 0";
        server.run_as("admin", &["sh", "-c", script, "-", password])
    };
    let files = || server.done(&["sh", "-c", "sha256sum /data/csrpt_auth/*"]);
    let before = files();
    let ended = kinit("wrong");
    assert_eq!(ended.code, 1, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("the password of `reader@EXAMPLE.TEST` is wrong"), "{}", ended.stderr);
    assert_eq!(files(), before);

    let ended = kinit("horse-12");
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("the ticket of reader@EXAMPLE.TEST is good until"), "{}", ended.stdout);
    let stat = |path: &str| server.done(&["stat", "--format", "%U %a", path]);
    assert_eq!(stat("/data/csrpt_auth"), "coursys 700");
    for file in ["username", "adsfu.keytab", "krb5cc"] {
        assert_eq!(stat(&format!("/data/csrpt_auth/{file}")), "coursys 600", "{file}");
    }
    // The workers that ask the reporting database read them, and can refresh the ticket.
    let worker = container("celery-sims");
    let inside = |argv: &[&str]| server.done(&[&["docker", "exec", &worker], argv].concat());
    assert_eq!(inside(&["cat", "/csrpt_auth/username"]), "reader");
    inside(&["test", "-r", "/csrpt_auth/adsfu.keytab", "-a", "-r", "/csrpt_auth/krb5cc"]);
    let said = acts(&server, &["kinit", "--refresh"]);
    assert!(said.contains("the ticket of reader@EXAMPLE.TEST is good until"), "{said}");
    let status = server.run(&["coursys-ops", "kinit", "--status", "--format", "json"]);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!((status["good"].as_bool(), status["code"].as_str()), (Some(true), Some("ok")), "{status}");
    settles(0, || ends(&server, &["check", "kerberos.ticket"]).code);
}

#[test]
fn a_mail_goes_by_a_worker_and_one_that_python_cannot_send_is_told_as_such() {
    let Some(server) = healthy_compose() else { return };
    let mail = ["email-check", "nobody@coursys.test", "--through-celery", "--format", "json"];
    let check = |code: i32| -> serde_json::Value {
        let ended = server.run(&[&["coursys-ops"], &mail[..]].concat());
        assert_eq!(ended.code, code, "{}{}", ended.stdout, ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    };
    let queues = || {
        let rabbit =
            ["docker", "exec", "coursys-rabbitmq-1", "rabbitmqctl", "-q", "list_queues", "-p", "myvhost"];
        let listed = server.run(&[&rabbit[..], &["name"]].concat()).stdout;
        listed.lines().filter(|name| !name.contains("celery")).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let before = queues();
    let sent = check(0);
    assert_eq!((sent["way"].as_str(), sent["sent"].as_bool()), (Some("celery"), Some(true)), "{sent}");
    assert_eq!(queues(), before, "no queue of answers stays behind");

    // The site's settings come from a secret, which is a file that is bound into its containers.
    let edit = "import json, sys; path = '/coursys/secrets/app-config.json'; all = json.load(open(path)); \
                all['email']['password'] = sys.argv[1]; text = json.dumps(all); open(path, 'w').write(text)";
    let password = server.done(&["cat", "/etc/coursys-ops/secrets/email"]);
    let set = |password: &str| {
        server.done(&["python3", "-c", edit, password]);
        for name in ["coursys-app-1", "coursys-app-2", "coursys-celery-email-1"] {
            server.done(&["docker", "restart", name]);
        }
        server.mend();
    };
    set("Gänsefüßchen");
    let told = check(1);
    set("wrong");
    let wrong = check(1);
    set(&password);
    assert_eq!(told["code"], "bad_configuration", "{told}");
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("the mail password has characters that Python's smtplib cannot send"), "{told}");
    assert!(told["hint"].as_str().unwrap().contains("EMAIL_HOST_PASSWORD"), "{told}");
    // The task itself says that it is done, and will try again.
    assert_eq!(wrong["code"], "try_later", "{wrong}");
    assert!(wrong["message"].as_str().unwrap().contains("SMTPAuthenticationError"), "{wrong}");
    check(0);
}

#[test]
fn version_1_of_compose_starts_nothing_in_a_maintenance_either() {
    let Some(server) = healthy_compose() else { return };
    let first = "compose.command=[\"docker-compose\"]";
    acts_with(&server, first, "503");
    is(&server, "on", "-");
    assert_eq!(running(&server), [""; 0]);
    for args in [&["up", "-d"][..], &["start"], &["start", "celery-fast"], &["up", "-d", "beat"]] {
        let argv = ["env", "--chdir=/coursys", "docker-compose", "--ansi", "never"];
        let ended = server.run_as("coursys", &[&argv, args].concat());
        assert!(ended.code != 0 && ended.stderr.contains("coursys-ops-rm503"), "{args:?}: {ended:?}");
    }
    assert_eq!(running(&server), [""; 0]);
    let ended = server.run(&["coursys-ops", "--set", first, "maintenance", "status", "--format", "json"]);
    assert!(ended.stdout.contains("nothing but coursys-ops starts `celery`"), "{}", ended.stdout);
    acts_with(&server, first, "rm503");
    is_open(&server);
    assert_eq!(status(&server)["lease"], serde_json::Value::Null);
    let _ = exits(&server, &["rm503"], 0);
}

/// Acts with another compose.
#[track_caller]
fn acts_with(server: &Staging, set: &str, verb: &str) {
    let argv = ["coursys-ops", "--set", set, verb];
    let ended = server.run_within(Duration::from_secs(600), "root", &argv);
    assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
}
