//! The small tools of the handbook against real servers.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use coursys_ops_tests::kdc::{account, free_port};
use coursys_ops_tests::{Program, Run, Servers, hung, servers};
use serde_json::Value;

/// What is waited for happens long before.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program with a state directory of its own.
struct Place {
    directory: tempfile::TempDir,
    servers: Servers,
}

impl Place {
    fn new() -> Option<Self> {
        Some(Self { servers: servers()?, directory: tempfile::tempdir().unwrap() })
    }

    fn program(&self, args: &[&str]) -> Program {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let program = self.servers.program();
        program
            .set("plans.state_dir", path("state"))
            .set("plans.lock", path("lock"))
            .set("plans.audit_log", path("audit/audit.jsonl"))
            .args(args)
    }

    fn run(&self, args: &[&str]) -> Run {
        self.program(args).run()
    }

    fn json(&self, args: &[&str]) -> (i32, Value) {
        document(&self.run(&[args, &["--format", "json"]].concat()))
    }

    /// Runs Python with the site's Celery application as `app`, as the site's user.
    fn python(&self, script: &str, words: &[&str]) -> String {
        const HEAD: &str = "import sys, os\nsys.path.insert(0, os.getcwd())\n\
            os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_fixture.settings')\n\
            from site_fixture import celery_app as app\n";
        let (uid, gid) = account();
        let output = Command::new("setpriv")
            .args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()])
            .arg(self.servers.configured("site", "python"))
            .args(["-c", &format!("{HEAD}{script}")])
            .args(words)
            .current_dir(self.servers.configured("site", "dir"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn memcached(&self, command: &str) -> String {
        let port: u16 = self.servers.configured("cache", "port").parse().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(command.as_bytes()).unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line
    }
}

fn document(run: &Run) -> (i32, Value) {
    let parsed = serde_json::from_str(&run.stdout);
    (run.code, parsed.unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr)))
}

fn queue(document: &Value, name: &str) -> Value {
    let queues = document["queues"].as_array().unwrap();
    queues
        .iter()
        .find(|queue| queue["name"] == name)
        .unwrap_or_else(|| panic!("no {name}: {document}"))
        .clone()
}

fn count(queue: &Value, key: &str) -> usize {
    queue[key].as_array().map_or(usize::MAX, Vec::len)
}

#[test]
fn queues_that_are_not_there_hide_none_of_the_others() {
    let Some(place) = Place::new() else { return };
    let some = r#"celery.queues=["gone-1","email","gone-2","gone-3","fast"]"#;
    let (code, seen) = place.json(&["--set", some, "queues"]);
    assert_eq!(code, 0, "{seen}");
    let exists = |name: &str| queue(&seen, name)["exists"] == true;
    let there: Vec<&str> =
        ["gone-1", "email", "gone-2", "gone-3", "fast"].into_iter().filter(|name| exists(name)).collect();
    assert_eq!(there, ["email", "fast"], "{seen}");
}

#[test]
fn queues_tell_what_waits_what_is_done_and_what_is_for_later() {
    let Some(place) = Place::new() else { return };
    let (code, idle) = place.json(&["queues"]);
    assert_eq!((code, &idle["schema"], count(&idle, "notes")), (0, &Value::from(1), 0), "{idle}");
    for name in ["batch", "email", "fast", "photo", "sims"] {
        let queue = queue(&idle, name);
        assert!(queue["exists"] == true && queue["ready"] == 0 && queue["consumers"] == 1, "{queue}");
    }
    let file = PathBuf::from(place.servers.configured("site", "data_root")).join("hold-tools");
    fs::write(&file, "").unwrap();
    place.python(
        "for _ in range(3): app.send_task('coredata.tasks.hold', (sys.argv[1],), queue='sims', ignore_result=True)\n\
         app.send_task('coredata.tasks.nap', (0.1,), queue='sims', ignore_result=True, countdown=25)\n",
        &[file.to_str().unwrap()],
    );
    let started = Instant::now();
    let busy = loop {
        let (_, seen) = place.json(&["queues"]);
        let sims = queue(&seen, "sims");
        let figures = ["active", "reserved", "scheduled"].map(|key| count(&sims, key));
        if figures == [2, 1, 1] {
            break seen;
        }
        if started.elapsed() > Duration::from_secs(15) {
            let _ = fs::remove_file(&file);
            panic!("{sims}");
        }
    };
    let text = place.run(&["queues"]).stdout;
    fs::remove_file(&file).unwrap();
    let sims = queue(&busy, "sims");
    assert_eq!(sims["unacknowledged"], 2, "one waits for a child and one for its time: {sims}");
    assert_eq!(sims["scheduled"][0]["name"], "coredata.tasks.nap");
    assert!(sims["scheduled"][0]["eta"].is_string() && sims["active"][0]["age_s"].is_number(), "{sims}");
    assert!(text.contains("later, sims: coredata.tasks.nap, at "), "{text}");
}

#[test]
fn a_broker_that_is_gone_is_told_and_no_queue_is_made_up() {
    let Some(place) = Place::new() else { return };
    let run = place.program(&["queues"]).set("broker.port", free_port()).run();
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{}", run.stderr);
    let run = place.run(&["queues", "peek", "fsat"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("did you mean `fast`"), "{}", run.stderr);
    let run = place.run(&["queues", "peek", "tools_nowhere"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("tools_nowhere"), "{}", run.stderr);
    let several = place.program(&["queues", "--format", "json"]);
    let (code, seen) = document(&several.set("celery.queues", r#"["tools_a", "tools_b", "fast"]"#).run());
    let exists = ["tools_a", "tools_b", "fast"].map(|name| queue(&seen, name)["exists"] == true);
    assert_eq!((code, exists), (0, [false, false, true]), "{seen}");
}

#[test]
fn a_peek_shows_headers_and_leaves_every_message_in_its_place() {
    const QUEUE: &str = "tools_peek";
    let Some(place) = Place::new() else { return };
    place.python(
        "for number in range(6):\n\
         \x20   app.send_task('coredata.tasks.nap', (number,), queue=sys.argv[1], ignore_result=True)\n",
        &[QUEUE],
    );
    let args = |peek: &Value| -> Vec<String> {
        let messages = peek["messages"].as_array().unwrap();
        messages.iter().map(|message| message["args"].as_str().unwrap().to_owned()).collect()
    };
    let (code, first) = place.json(&["queues", "peek", QUEUE, "-n", "4"]);
    assert_eq!((code, &first["ready"]), (0, &Value::from(6)), "{first}");
    assert_eq!(args(&first), ["(0,)", "(1,)", "(2,)", "(3,)"]);
    assert!(first["messages"].as_array().unwrap().iter().all(|message| {
        message["task"] == "coredata.tasks.nap"
            && message["id"].is_string()
            && message["redelivered"] == false
    }));
    // One that is killed in the middle takes none along.
    for milliseconds in [5, 15, 30, 60, 120] {
        let mut child = place
            .program(&["queues", "peek", QUEUE])
            .command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        let _ = child.kill();
        let _ = child.wait();
    }
    std::thread::sleep(Duration::from_millis(500));
    let (_, again) = place.json(&["queues", "peek", QUEUE]);
    assert_eq!(args(&again), ["(0,)", "(1,)", "(2,)", "(3,)", "(4,)", "(5,)"], "order and number");
    assert_eq!(again["messages"][0]["redelivered"], true);
    let text = place.run(&["queues", "peek", QUEUE]);
    assert!(text.stderr.contains("redelivered"), "{}", text.stderr);
    place.python(
        "from kombu import Queue\n\
         with app.connection_for_write() as connection: Queue(sys.argv[1])(connection.channel()).delete()\n",
        &[QUEUE],
    );
}

#[test]
fn a_purged_cache_has_forgotten_everything_and_a_hung_one_is_told() {
    let Some(place) = Place::new() else { return };
    assert_eq!(place.memcached("set tools-mark 0 0 1\r\nx\r\n"), "STORED\r\n");
    let run = place.run(&["purge-cache", "--dry-run"]);
    assert!(run.code == 0 && run.stdout.contains("empty memcached"), "{}{}", run.stdout, run.stderr);
    assert_eq!(place.memcached("get tools-mark\r\n"), "VALUE tools-mark 0 1\r\n", "nothing was done");
    let run = place.run(&["purge-cache"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("items and a marker are gone"), "{}", run.stderr);
    assert_eq!(place.memcached("get tools-mark\r\n"), "END\r\n");
    let hung = hung(&place.servers, "memcached");
    let run = place.run(&["purge-cache"]);
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.took < Duration::from_secs(40), "{:?}", run.took);
    drop(hung);
}

#[test]
fn an_index_is_made_anew_and_nothing_is_emptied_when_elasticsearch_is_gone() {
    let Some(place) = Place::new() else { return };
    let run = place.program(&["rebuild-index"]).set("search.port", free_port()).run();
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("nothing was emptied"), "{}", run.stderr);
    let run = place.run(&["rebuild-index"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("documents; before"), "{}", run.stderr);
    let found = place.servers.program().args(["check", "search.query"]).run();
    assert_eq!(found.code, 0, "{}", found.stdout);
}

#[test]
fn a_mail_is_sent_with_the_servers_answer() {
    let Some(place) = Place::new() else { return };
    let (code, sent) = place.json(&["email-check", "nobody@coursys.test"]);
    assert_eq!((code, &sent["sent"], &sent["way"]), (0, &Value::Bool(true), &Value::from("smtp")), "{sent}");
    assert!(sent["message"].as_str().unwrap().contains("`250 "), "the server's answer: {sent}");
    let run = place.program(&["email-check", "nobody@coursys.test"]).set("email.port", free_port()).run();
    assert_eq!(run.code, 1, "{}", run.stderr);
    let run = place.run(&["email-check", "not an address"]);
    assert_ne!(run.code, 0, "{}", run.stdout);
}

/// A Python that runs the site with a mail backend that hands mails to a queue, as production's does.
fn queueing(place: &Place, backend: &str) -> Program {
    let path = |name: &str| place.directory.path().join(name);
    fs::set_permissions(place.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(
        path("queueing_settings.py"),
        format!("from site_fixture.settings import *\nEMAIL_BACKEND = '{backend}'\n"),
    )
    .unwrap();
    let own = "from django.core.mail.backends.base import BaseEmailBackend\n\
        from site_fixture import celery_app\n\
        class Backend(BaseEmailBackend):\n\
        \x20   def send_messages(self, mails):\n\
        \x20       return [celery_app.send_task('celery.accumulate', (mail.to[0],), queue='email') for mail in mails]\n";
    fs::write(path("queueing.py"), own).unwrap();
    let python = place.servers.configured("site", "python");
    let wrapper = format!(
        "#!/bin/sh\nPYTHONPATH={} DJANGO_SETTINGS_MODULE=queueing_settings exec {python} \"$@\"\n",
        place.directory.path().display()
    );
    fs::write(path("python"), wrapper).unwrap();
    fs::set_permissions(path("python"), fs::Permissions::from_mode(0o755)).unwrap();
    place
        .program(&["email-check", "nobody@coursys.test", "--through-celery"])
        .set("site.python", path("python").display())
}

#[test]
fn a_mail_by_the_sites_queue_is_waited_for_and_a_hung_worker_is_told() {
    let Some(place) = Place::new() else { return };
    let (code, sent) = document(&queueing(&place, "queueing.Backend").args(["--format", "json"]).run());
    assert_eq!(
        (code, &sent["sent"], &sent["way"]),
        (0, &Value::Bool(true), &Value::from("celery")),
        "{sent}"
    );
    let hung = hung(&place.servers, "celery-email");
    let (code, late) =
        document(&queueing(&place, "queueing.Backend").args(["--patience", "10", "--format", "json"]).run());
    drop(hung);
    assert_eq!((code, late["code"].as_str()), (1, Some("timeout")), "{late}");
}

#[test]
fn a_password_that_python_cannot_send_is_named_also_when_the_task_calls_itself_done() {
    let Some(place) = Place::new() else { return };
    let by_worker = queueing(&place, "coredata.queued_mail.Backend").args(["--format", "json"]).run();
    let by_site = place.run(&["email-check", "nobody@coursys.test", "--through-celery", "--format", "json"]);
    for run in [by_site, by_worker] {
        let (code, told) = document(&run);
        assert_eq!((code, told["code"].as_str()), (1, Some("bad_configuration")), "{told}");
        let message = told["message"].as_str().unwrap();
        assert!(
            message.contains("the mail password has characters that Python's smtplib cannot send"),
            "{told}"
        );
    }
}

#[test]
fn a_clock_that_is_off_is_told_and_never_set_unasked() {
    let Some(place) = Place::new() else { return };
    let (code, right) = place.json(&["ntpdate"]);
    assert_eq!((code, &right["good"]), (0, &Value::Bool(true)), "{right}");
    let off = place.program(&["ntpdate", "--format", "json"]).under(["faketime", "-f", "+7s"]).run();
    let (code, off) = document(&off);
    assert_eq!((code, off["code"].as_str()), (1, Some("clock_off")), "{off}");
    assert!((off["offset_s"].as_f64().unwrap() - 7.0).abs() < 1.0, "{off}");
    let plan = place.program(&["ntpdate", "--step", "--dry-run"]).under(["faketime", "-f", "+7s"]).run();
    assert!(plan.code == 0 || plan.stderr.contains("neither chrony nor"), "{}{}", plan.stdout, plan.stderr);
    let nothing = place.run(&["ntpdate", "--step"]);
    assert!(
        nothing.code == 0 && nothing.stdout.contains("nothing to do"),
        "{}{}",
        nothing.stdout,
        nothing.stderr
    );
    let started = Instant::now();
    let gone = place.program(&["ntpdate"]).set("time.port", free_port()).run();
    assert!(gone.code == 1 && started.elapsed() < PATIENCE, "{}", gone.stderr);
}

#[test]
fn another_program_has_a_check_of_its_own_beside_ours() {
    let Some(servers) = servers() else { return };
    let config = servers.program().config();
    let run = Program::example("own_check").args([config.clone()]).run();
    assert!(run.stdout.contains("own.drop-box") && run.stdout.contains("broker.connection"), "{run:?}");
    assert_eq!(run.code, 0, "{run:?}");
    // What the configuration says of checks holds there, too: that one wants a worker which there is not.
    let text = fs::read_to_string(&config).unwrap();
    let place = tempfile::Builder::new().suffix(".toml").tempfile_in(config.parent().unwrap()).unwrap();
    fs::write(place.path(), format!("{text}\n[checks.located]\n\"disk.space.tmp\" = \"no-such-queue\"\n"))
        .unwrap();
    let run = Program::example("own_check").args([place.path()]).run();
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
    assert!(run.stderr.contains("no-such-queue"), "{run:?}");
}
