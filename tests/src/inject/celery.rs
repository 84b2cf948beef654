//! Workers that have much to do, too little, or should not be there.

use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::process::{as_site, spawned};
use crate::administrator;
use crate::matrix::Scene;

/// How long a state may take to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs Python with the site's Celery application as `app`; `words` are `sys.argv[1:]`.
fn python(scene: &Scene<'_>, script: &str, words: &[&str]) -> Command {
    const HEAD: &str = "import sys, os\nsys.path.insert(0, os.getcwd())\n\
        os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_fixture.settings')\n\
        from site_fixture import celery_app as app\n";
    let script = format!("{HEAD}{script}");
    as_site(scene, &[&["python", "-c", &script], words].concat())
}

fn run(mut command: Command) {
    let output = command.output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Empties a queue when dropped, after the file that its tasks wait for is gone.
struct Released<'a> {
    servers: &'a crate::Servers,
    file: PathBuf,
    queue: &'static str,
}

impl Drop for Released<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
        let vhost = self.servers.configured("broker", "vhost");
        let _ = administrator::rabbitmqctl(self.servers, &["purge_queue", "--vhost", &vhost, self.queue]);
    }
}

/// So many tasks that do not end come into a queue: the workers' children take two of them, and their main processes
/// eight more. They end with the row.
pub fn held(queue: &'static str, tasks: u32) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let file = scene.servers.root().join("files").join(format!("hold-{queue}"));
        std::fs::write(&file, "").unwrap();
        let servers = scene.servers;
        scene.hold(Released { servers, file: file.clone(), queue });
        let script = "for _ in range(int(sys.argv[2])):\n\
            \x20   app.send_task('coredata.tasks.hold', (sys.argv[3],), queue=sys.argv[1], ignore_result=True)\n\
            import time; time.sleep(0.5)\n";
        run(python(scene, script, &[queue, &tasks.to_string(), file.to_str().unwrap()]));
    }
}

/// So many short tasks come into a queue.
pub fn crowded(queue: &'static str, tasks: u32, seconds: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let servers = scene.servers;
        scene.hold(Released { servers, file: servers.root().join("files").join("no-such"), queue });
        let script = "for _ in range(int(sys.argv[2])):\n\
            \x20   app.send_task('coredata.tasks.nap', (float(sys.argv[3]),), queue=sys.argv[1], ignore_result=True)\n";
        run(python(scene, script, &[queue, &tasks.to_string(), seconds]));
    }
}

/// Lets processes go on.
struct Continued(Vec<Pid>);

impl Drop for Continued {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _ = kill_process(*pid, Signal::CONT);
        }
    }
}

/// Stops processes until the row ends.
fn stop(scene: &mut Scene<'_>, pids: Vec<Pid>) {
    assert!(!pids.is_empty(), "there is no such process");
    for pid in &pids {
        kill_process(*pid, Signal::STOP).unwrap();
    }
    scene.hold(Continued(pids));
}

/// The children of a worker are stopped, its main process is not.
pub fn hung_children(server: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| stop(scene, scene.servers.server(server).mains_and_children().1)
}

/// The main process of a worker is stopped, its children are not.
pub fn hung_main(server: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| stop(scene, scene.servers.server(server).mains_and_children().0)
}

/// A worker of the site's broker that has none of the site's tasks; with `version` it says that it is that Celery.
const STRANGER: &str = "import celery\n\
    from kombu import Exchange, Queue\n\
    name, queue, version = sys.argv[1:4]\n\
    if version: celery.VERSION_BANNER = version\n\
    own = celery.Celery('stranger', broker=app.conf.broker_url, backend='rpc://')\n\
    own.conf.update(broker_use_ssl=app.conf.broker_use_ssl, broker_connection_retry_on_startup=True,\n\
    \x20   result_serializer='json', accept_content=['json'], worker_hijack_root_logger=False)\n\
    site = [known.name for known in app.conf.task_queues]\n\
    if queue in site: own.conf.task_queues = [Queue(queue, Exchange('batch', type='direct', durable=True), routing_key=queue)]\n\
    else: own.conf.task_queues = [Queue(queue, Exchange(''), routing_key=queue, auto_delete=True, durable=False)]\n\
    own.worker_main(['worker', '-n', name, '-Q', queue, '--concurrency', '1', '--loglevel', 'WARNING'])\n";

/// A worker that nobody should have started: its name before the `@`, its queue, and the version of Celery that it
/// pretends to be, if any. It has none of the site's tasks.
pub fn stranger(name: &'static str, queue: &'static str, version: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| start_worker(scene, STRANGER, name, queue, version)
}

/// Starts such a worker by its script, and waits for it.
fn start_worker(scene: &mut Scene<'_>, script: &str, name: &str, queue: &str, version: &str) {
    let servers = scene.servers;
    let vhost = servers.configured("broker", "vhost");
    let port = servers.configured("broker", "port");
    let before = consumers(servers, &vhost, queue);
    // As the site's own are called.
    let node = format!("{name}@coursys-ops-{port}");
    let command = python(scene, script, &[&node, queue, version]);
    spawned(scene, command, Duration::ZERO);
    let started = Instant::now();
    while consumers(servers, &vhost, queue) <= before {
        assert!(started.elapsed() < PATIENCE, "the worker `{node}` does not start");
        sleep(Duration::from_millis(200));
    }
    // It listens to questions a little later than to its queue.
    sleep(Duration::from_secs(2));
}

/// A worker on this queue, in the place of the site's own, that has the task `coursys_ops.run_checks` and does as told
/// with the ids and the deadline: the body of a function in Python, where `me` is the worker's name and `found(id)` the
/// report of a check that passed.
pub fn false_worker(queue: &'static str, body: &'static str) -> impl Fn(&mut Scene<'_>) {
    const TASK: &str = "\n\
        @own.task(name='coursys_ops.run_checks')\n\
        def run_checks(ids, deadline):\n\
        \x20   import time\n\
        \x20   me = sys.argv[1]\n\
        \x20   def found(id, findings=None):\n\
        \x20       good = {'status': 'passed', 'code': 'ok', 'subject': None, 'message': 'well', 'hint': None, 'measurements': []}\n\
        \x20       return {'id': id, 'title': id, 'tier': 'deploy', 'location': 'local', 'status': 'passed', 'duration_ms': 1.0,\n\
        \x20           'because': [], 'findings': [good] if findings is None else findings}\n\
        \x20   def answer(*checks, schema=1, report=1, version='0.1.0'):\n\
        \x20       return {'schema': schema, 'worker': me, 'error': None,\n\
        \x20           'report': {'schema': report, 'run': {'version': version}, 'checks': list(checks)}}\n";
    move |scene| {
        let (head, run) = STRANGER.split_at(STRANGER.rfind("own.worker_main").unwrap());
        // One child for the probe of the queue, one for the check.
        let run = run.replace("'--concurrency', '1'", "'--concurrency', '2'");
        let script = format!("{head}{TASK}    {body}\n{run}");
        let server: &str = &format!("celery-{queue}");
        let servers = scene.servers;
        scene.hold(crate::fault::stopped(servers, server));
        start_worker(scene, &script, queue, queue, "");
    }
}

/// How many consume a queue.
fn consumers(servers: &crate::Servers, vhost: &str, queue: &str) -> u32 {
    let text = administrator::rabbitmqctl(
        servers,
        &["list_queues", "--vhost", vhost, "--no-table-headers", "name", "consumers"],
    );
    let own = text.lines().find_map(|line| line.strip_prefix(queue)?.strip_prefix('\t')?.trim().parse().ok());
    own.unwrap_or(0)
}

/// Lets a worker consume its queue again.
struct Consuming(Option<Command>);

impl Drop for Consuming {
    fn drop(&mut self) {
        if let Some(mut command) = self.0.take() {
            let _ = command.output();
        }
    }
}

/// A worker was told to leave its queue.
pub fn told_off(queue: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        // The others must not hear it: they would serve the queue from then on.
        const OWN: &str = "own = [node for answer in app.control.ping() for node in answer \
            if node.startswith(sys.argv[1] + '@')]\n";
        let said =
            |what: &str| format!("{OWN}app.control.{what}(sys.argv[1], destination=own, reply=True)\n");
        let back = python(scene, &said("add_consumer"), &[queue]);
        scene.hold(Consuming(Some(back)));
        run(python(scene, &said("cancel_consumer"), &[queue]));
    }
}

/// Runs `rabbitmqctl` when dropped.
struct Undone<'a>(&'a crate::Servers, Vec<String>);

impl Drop for Undone<'_> {
    fn drop(&mut self) {
        let args: Vec<&str> = self.1.iter().map(String::as_str).collect();
        let _ = administrator::rabbitmqctl(self.0, &args);
    }
}

/// A durable queue that is not the site's, with messages that nobody takes.
pub fn forgotten(queue: &'static str, messages: u32) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let servers = scene.servers;
        let vhost = servers.configured("broker", "vhost");
        let delete = ["delete_queue", "--vhost", &vhost, queue].map(str::to_owned).into();
        scene.hold(Undone(servers, delete));
        publish(scene, "", queue, messages);
    }
}

/// Another virtual host, with such a queue.
pub fn forgotten_vhost(vhost: &'static str, queue: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let servers = scene.servers;
        scene.hold(Undone(servers, ["delete_vhost", vhost].map(str::to_owned).into()));
        let user = servers.configured("broker", "user");
        let _ = administrator::rabbitmqctl(servers, &["add_vhost", vhost]);
        let _ = administrator::rabbitmqctl(
            servers,
            &["set_permissions", "--vhost", vhost, &user, ".*", ".*", ".*"],
        );
        publish(scene, vhost, queue, 2);
    }
}

/// Makes a durable queue and sends messages to it; an empty virtual host is the site's.
fn publish(scene: &Scene<'_>, vhost: &str, queue: &str, messages: u32) {
    let script = "from kombu import Producer, Queue\n\
        vhost, queue, count = sys.argv[1:4]\n\
        with app.connection_for_write() as connection:\n\
        \x20   if vhost: connection = connection.clone(virtual_host=vhost)\n\
        \x20   channel = connection.channel()\n\
        \x20   Queue(queue, durable=True)(channel).declare()\n\
        \x20   for _ in range(int(count)): Producer(channel).publish({}, routing_key=queue)\n\
        \x20   connection.release()\n";
    run(python(scene, script, &[vhost, queue, &messages.to_string()]));
}

/// A consumer of the markup service's queue that answers every request with these bytes.
pub fn false_markup(answer: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        let script = "connection = app.connection_for_write()\n\
            channel = connection.channel()\n\
            def answer(message):\n\
            \x20   sent = message.properties\n\
            \x20   import amqp\n\
            \x20   reply = amqp.Message(sys.argv[1], correlation_id=sent['correlation_id'])\n\
            \x20   channel.basic_publish(reply, routing_key=sent['reply_to'])\n\
            channel.basic_consume('markdown2html_queue', no_ack=True, callback=answer)\n\
            while True: connection.drain_events()\n";
        let command = python(scene, script, &[answer]);
        let servers = scene.servers;
        let vhost = servers.configured("broker", "vhost");
        spawned(scene, command, Duration::ZERO);
        let started = Instant::now();
        while consumers(servers, &vhost, "markdown2html_queue") == 0 {
            assert!(started.elapsed() < PATIENCE, "the false markup service does not start");
            sleep(Duration::from_millis(200));
        }
    }
}

/// A `rabbitmqctl` that prints these lines to whoever asks for the cluster, and nobody for everything else.
pub fn false_control(cluster: &'static str) -> impl Fn(&mut Scene<'_>) {
    move |scene| {
        use std::os::unix::fs::PermissionsExt as _;
        let tool = scene.directory().join("rabbitmqctl");
        let script =
            format!("#!/bin/sh\ncase \"$1\" in cluster_status) echo '{cluster}' ;; *) echo '[]' ;; esac\n");
        std::fs::write(&tool, script).unwrap();
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        scene.set("broker.control", format!("[\"{}\"]", tool.display()));
    }
}
