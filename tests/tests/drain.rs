//! Draining, against real workers: what is left is counted right, and no task is lost or done twice.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use coursys_ops_tests::kdc::account;
use coursys_ops_tests::{Program, Run, Servers, hung, servers, stopped};
use serde_json::Value;

/// The site with a state directory of its own, on which a drained site is opened again in the end.
struct Place {
    directory: tempfile::TempDir,
    servers: Servers,
    /// Where tasks write that they were done.
    stamps: PathBuf,
}

impl Place {
    fn new() -> Option<Self> {
        let servers = servers()?;
        let name = format!("stamps-{}", std::process::id());
        let stamps = PathBuf::from(servers.configured("site", "data_root")).join(name);
        let place = Self { servers, directory: tempfile::tempdir().unwrap(), stamps };
        let _ = fs::remove_file(&place.stamps);
        Some(place)
    }

    fn program(&self, args: &[&str]) -> Program {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let program = self.servers.program();
        program
            .set("plans.state_dir", path("state"))
            .set("plans.lock", path("lock"))
            .set("plans.audit_log", path("audit/audit.jsonl"))
            // Here no systemd starts them, and the tests stop the beat themselves.
            .set("components.celery.manager", "external")
            .set("components.celerybeat.manager", "external")
            .args(args)
    }

    fn run(&self, args: &[&str]) -> Run {
        self.program(args).run()
    }

    /// Drains, with this exit code; returns what was said of it.
    #[track_caller]
    fn drain(&self, timeout: &str, code: i32) -> String {
        let plan = self.run(&["drain", "--dry-run"]);
        assert!(plan.code == 0 && !plan.stdout.contains("systemctl"), "{}{}", plan.stdout, plan.stderr);
        let run = self.run(&["drain", "--timeout", timeout]);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.code, code, "{said}");
        said
    }

    /// Sends tasks by Python, where `send(queue, word, seconds=0, **options)` sends one that leaves a stamp.
    fn send(&self, script: &str) {
        const HEAD: &str = "import sys, os\nsys.path.insert(0, os.getcwd())\n\
            os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_fixture.settings')\n\
            from site_fixture import celery_app as app\n\
            app.conf.broker_transport_options = {'confirm_publish': True}\n\
            def send(queue, word, seconds=0, **options):\n    \
            app.send_task('coredata.tasks.stamp', (sys.argv[1], word, seconds), queue=queue, ignore_result=True, **options)\n";
        let (uid, gid) = account();
        let output = Command::new("setpriv")
            .args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()])
            .arg(self.servers.configured("site", "python"))
            .args(["-c", &format!("{HEAD}{script}")])
            .arg(&self.stamps)
            .current_dir(self.servers.configured("site", "dir"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// How often which task was done.
    fn done(&self) -> BTreeMap<String, u32> {
        let text = fs::read_to_string(&self.stamps).unwrap_or_default();
        let mut done = BTreeMap::new();
        for word in text.lines().filter_map(|line| line.split(' ').next()) {
            *done.entry(word.to_owned()).or_default() += 1;
        }
        done
    }

    fn status(&self) -> (String, String) {
        let run = self.run(&["maintenance", "status", "--format", "json"]);
        let status: Value =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
        let text = |key: &str| status[key].as_str().unwrap_or("-").to_owned();
        (text("state"), text("code"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let opened = self.run(&["rm503"]);
        let _ = fs::remove_file(&self.stamps);
        assert!(opened.code == 0 || std::thread::panicking(), "{}{}", opened.stdout, opened.stderr);
    }
}

fn once(words: impl IntoIterator<Item = impl Into<String>>) -> BTreeMap<String, u32> {
    words.into_iter().map(|word| (word.into(), 1)).collect()
}

#[test]
fn a_task_that_does_not_end_is_named_and_when_it_has_ended_the_queues_are_drained() {
    let Some(place) = Place::new() else { return };
    let _beat = stopped(&place.servers, "celerybeat");
    place.send("send('sims', 'long', 12)\nsend('sims', 'short')");
    let said = place.drain("4s", 1);
    assert!(said.contains("not drained within 4 s: coredata.tasks.stamp of `sims` runs on sims@"), "{said}");
    assert_eq!(place.status(), ("entering".to_owned(), "draining".to_owned()));
    let said = place.drain("60s", 0);
    assert!(said.contains("drained: nothing is left in the queues"), "{said}");
    assert_eq!(place.done(), once(["long", "short"]));
    assert_eq!(place.status(), ("entering".to_owned(), "draining".to_owned()));
    let opened = place.run(&["rm503"]);
    assert_eq!(opened.code, 0, "{}{}", opened.stdout, opened.stderr);
    assert_eq!(place.status(), ("up".to_owned(), "-".to_owned()));
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full drain`"]
fn ten_thousand_tasks_are_each_done_once_before_it_is_drained() {
    let Some(place) = Place::new() else { return };
    let _beat = stopped(&place.servers, "celerybeat");
    // They would be through with most of it before the last is sent.
    let held = ["celery-fast", "celery-email", "celery-photo"].map(|worker| hung(&place.servers, worker));
    place.send("for n in range(10000): send(('fast', 'email', 'photo')[n % 3], str(n), 0.01)");
    drop(held);
    let said = place.drain("10m", 0);
    let done = place.done();
    assert_eq!(done.len(), 10_000, "{said}");
    assert!(done.values().all(|times| *times == 1));
    assert!(said.contains(" of ") && said.contains(" done, about "), "{said}");
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full drain`"]
fn tasks_that_send_tasks_are_waited_for_to_the_last() {
    let Some(place) = Place::new() else { return };
    let _beat = stopped(&place.servers, "celerybeat");
    // A chain of Celery's: each task sends the next one when it is done.
    place.send(
        "from celery import chain\n\
         tasks = [app.signature('coredata.tasks.stamp', (sys.argv[1], str(n)), queue='fast', immutable=True, \
         options={'ignore_result': True}) for n in range(200)]\n\
         chain(*tasks).apply_async()",
    );
    place.drain("5m", 0);
    assert_eq!(place.done().len(), 200);
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full drain`"]
fn a_task_for_later_is_named_with_its_time_and_not_waited_for_beyond_the_timeout() {
    let Some(place) = Place::new() else { return };
    let _beat = stopped(&place.servers, "celerybeat");
    place.send("send('sims', 'later', countdown=90)");
    let started = Instant::now();
    let said = place.drain("40s", 1);
    assert!(started.elapsed() < Duration::from_secs(35), "nothing is waited for that cannot come in time");
    assert!(
        said.contains("coredata.tasks.stamp of `sims` waits on sims@") && said.contains(" until 2"),
        "{said}"
    );
    place.drain("5m", 0);
    assert_eq!(place.done(), once(["later"]));
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full drain`"]
fn messages_without_a_worker_are_told_and_done_when_it_is_back() {
    let Some(place) = Place::new() else { return };
    let _beat = stopped(&place.servers, "celerybeat");
    {
        let _dead = stopped(&place.servers, "celery-sims");
        place.send("for n in range(5): send('sims', str(n))");
        let said = place.drain("5m", 1);
        assert!(said.contains("5 messages wait in `sims`, and no worker takes any"), "{said}");
        assert_eq!(place.done(), BTreeMap::new());
    }
    place.drain("2m", 0);
    assert_eq!(place.done(), once(["0", "1", "2", "3", "4"]));
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full drain`"]
fn messages_of_a_queue_without_a_name_among_the_workers_are_told() {
    let Some(place) = Place::new() else { return };
    let _beat = stopped(&place.servers, "celerybeat");
    place.send(
        "with app.connection() as c:\n    channel = c.channel()\n    channel.queue_declare('drain-test', durable=True, auto_delete=False)\n    \
         from kombu import Producer\n    Producer(channel).publish('x', routing_key='drain-test', exchange='')\n",
    );
    let said = place.drain("2m", 1);
    place.send("with app.connection() as c: c.channel().queue_delete('drain-test')");
    assert!(said.contains("1 message in `drain-test`"), "{said}");
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full drain`"]
fn without_the_brokers_own_tool_nothing_is_said_to_be_drained_and_nobody_waits_for_long() {
    let Some(place) = Place::new() else { return };
    let _beat = stopped(&place.servers, "celerybeat");
    let started = Instant::now();
    let without = place.program(&[]).set("broker.control", r#"["/nonexistent/rabbitmqctl"]"#);
    let run = without.args(["drain", "--timeout", "5m"]).run();
    let said = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.code, 1, "{said}");
    assert!(started.elapsed() < Duration::from_secs(150), "{:?}", started.elapsed());
    assert!(
        said.contains("not drained, as far as anybody can tell") && said.contains("`broker.control`"),
        "{said}"
    );
    // With it the same queues are drained.
    let said = place.drain("2m", 0);
    assert!(said.contains("drained: nothing is left in the queues"), "{said}");
}

#[test]
fn a_broker_that_hangs_is_named_and_hides_neither_how_the_site_is_nor_what_would_be_done() {
    let Some(place) = Place::new() else { return };
    let _hung = hung(&place.servers, "rabbitmq");
    for args in [&["maintenance", "status"][..], &["503", "--dry-run"], &["drain", "--dry-run"]] {
        let started = Instant::now();
        let run = place.run(args);
        assert_eq!(run.code, 0, "{args:?}: {}{}", run.stdout, run.stderr);
        assert!(started.elapsed() < Duration::from_secs(9), "{args:?}: {:?}", started.elapsed());
        if args.contains(&"status") {
            assert!(run.stdout.contains("state     up"), "{}", run.stdout);
            assert!(run.stdout.contains("consumers not known: RabbitMQ at "), "{}", run.stdout);
        }
    }
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full drain`"]
fn what_a_broker_that_hangs_holds_is_nothing_that_is_drained_and_the_site_opens_again() {
    let Some(place) = Place::new() else { return };
    let _hung = hung(&place.servers, "rabbitmq");
    let started = Instant::now();
    let said = place.drain("5s", 1);
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
    assert!(said.contains("the queues cannot be looked at: RabbitMQ at "), "{said}");
    assert!(said.contains("not drained within 5 s: the queues cannot be looked at: RabbitMQ at "), "{said}");
    assert_eq!(place.status(), ("entering".to_owned(), "draining".to_owned()));
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full drain`"]
fn a_site_whose_pages_are_not_served_is_closed_again_and_opens_when_they_are() {
    let Some(place) = Place::new() else { return };
    let _beat = stopped(&place.servers, "celerybeat");
    place.drain("60s", 0);
    {
        let _dead = stopped(&place.servers, "gunicorn");
        let run = place.run(&["rm503"]);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(run.code, 1, "{said}");
        assert!(said.contains("pages are not served, so the flag is back"), "{said}");
        assert!(said.contains("502"), "{said}");
    }
    assert_eq!(place.status().0, "leaving");
    let opened = place.run(&["rm503"]);
    assert_eq!(opened.code, 0, "{}{}", opened.stdout, opened.stderr);
    assert_eq!(place.status(), ("up".to_owned(), "-".to_owned()));
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full drain`"]
fn a_request_that_does_not_end_is_named_and_holds_the_closing() {
    let Some(place) = Place::new() else { return };
    let _beat = stopped(&place.servers, "celerybeat");
    // gunicorn has taken it, and waits for the rest of its head.
    let gunicorn = place.servers.server("gunicorn").port.unwrap();
    let mut request = std::net::TcpStream::connect(("127.0.0.1", gunicorn)).unwrap();
    request.write_all(b"GET /docs/ HTTP/1.1\r\n").unwrap();
    let said = place.drain("5s", 1);
    assert!(said.contains("it did not end in time: a request runs in "), "{said}");
    assert_eq!(place.status(), ("entering".to_owned(), "draining".to_owned()));
    drop(request);
    place.drain("60s", 0);
}

#[test]
#[ignore = "takes minutes: `cargo xtask test full drain`"]
fn who_should_pass_and_does_not_holds_the_closing() {
    let Some(place) = Place::new() else { return };
    let _beat = stopped(&place.servers, "celerybeat");
    let run = place.run(&["--set", "maintenance.bypass=10.9.9.9", "drain", "--timeout", "5s"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.code, 1, "{said}");
    assert!(said.contains("who comes from 10.9.9.9 should pass and is answered 503"), "{said}");
    let _dead = stopped(&place.servers, "gunicorn");
    let run = place.run(&["drain", "--timeout", "5s"]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert_eq!(run.code, 1, "{said}");
    assert!(said.contains("who comes from 10.1.2.3 should pass and is answered 502"), "{said}");
}
