"""The app in the fixture site, on real servers: what `cargo xtask servers up` starts.

    COURSYS_TEST_SERVERS=…/coursys-ops.toml COURSYS_TEST_PROGRAM=target/debug/coursys-ops \
        python tests/run.py servers

It needs the real native half, beside the sources or installed in the site's environment.
"""

import contextlib
import http.client
import json
import os
import pwd
import signal
import socket
import subprocess
import time
import unittest
from pathlib import Path

CONFIG, PROGRAM = os.environ.get("COURSYS_TEST_SERVERS"), os.environ.get("COURSYS_TEST_PROGRAM")
SOURCES = Path(__file__).resolve().parents[2] / "python"

#: Seconds; a run has 15, and a busy machine takes its time to start Python.
TIMEOUT_S = 90

#: Sends the task four times at once and prints the answers.
ASK_WORKER = """
import json, sys
from site_fixture import celery_app
ids = ["database.connection", "django.search.query"]
send = lambda: celery_app.send_task("coursys_ops.run_checks", [ids, 10], queue=sys.argv[1], expires=60)
print(json.dumps([answer.get(timeout=60) for answer in [send() for _ in range(4)]]))
"""

#: Makes checks in a process of the package's own, as the program does: the queue, and what is located there.
ASK_PACKAGE = """
import json, sys
import coursys_ops
config, queues, located, *ids = sys.argv[1:]
overrides = {"celery.queues": queues, "checks.located": located}
print(coursys_ops.check(coursys_ops.Config.from_path(config, overrides=overrides), only=ids).to_json())
"""

DELETE_QUEUE = """
import sys
from site_fixture import celery_app
with celery_app.connection() as connection:
    connection.default_channel.queue_delete(sys.argv[1])
"""


class OnServers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import tomllib

        with open(CONFIG, "rb") as file:
            cls.config = tomllib.load(file)
        cls.site = cls.config["site"]["dir"]
        cls.python = cls.config["site"]["python"]
        user = pwd.getpwnam(cls.config["site"]["user"])
        cls.account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        cls.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": cls.config["site"]["user_home"],
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.environ.get("PYTHONPATH") or str(SOURCES),
        }

    def call(self, *argv):
        """Runs a program as the site does; its settings print a line first, as real ones do."""
        ended = subprocess.run(
            argv,
            cwd=self.site,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            **self.account,
        )
        return ended.returncode, ended.stdout.replace("site_fixture: settings loaded\n", ""), ended.stderr

    def manage(self, *arguments):
        return self.call(self.python, "manage.py", *arguments)

    def outcome(self, document):
        """Status and codes of each check that both have. ODBC is in the program alone, not in wheels."""
        return {
            check["id"]: (check["status"], sorted({found["code"] for found in check["findings"]} - {"not_built_in"}))
            for check in json.loads(document)["checks"]
            if not check["id"].startswith("django.")
        }

    def test_check_things_says_what_the_program_says(self):
        program = self.call(PROGRAM, "--config", CONFIG, "check", "--format", "json")
        things = self.manage("check_things", "--format", "json")
        self.maxDiff = None
        self.assertEqual(self.outcome(things[1]), self.outcome(program[1]), things[2])
        self.assertEqual(things[0], program[0])

    def test_what_only_django_can_check_is_in_the_same_report(self):
        _, out, err = self.manage("coursys_ops", "check", "django.*", "--tier", "slow", "--format", "json")
        status = {check["id"]: check["status"] for check in json.loads(out)["checks"]}
        self.assertEqual(status["django.cache.shared"], "passed", err)
        self.assertEqual(status["django.cache.unicode"], "passed", err)
        self.assertEqual(status["django.search.query"], "passed", err)
        self.assertEqual(status["django.search.count"], "passed", err)
        self.assertEqual(status["django.bitfield"], "skipped", err)

    def test_no_password_is_printed(self):
        fixture = json.loads(Path(self.site, "fixture.json").read_text(encoding="utf-8"))
        secrets = [fixture[name]["password"] for name in ("database", "broker", "email")] + [fixture["secret_key"]]
        for arguments in (("check_things",), ("check_things", "--format=json"), ("coursys_ops", "config")):
            _, out, err = self.manage(*arguments)
            for secret in secrets:
                self.assertNotIn(secret, out + err)

    def test_gunicorn_streams_the_run_and_answers_for_its_health(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        argv = [self.python, "-m", "gunicorn", "site_fixture.wsgi:application", f"--bind=127.0.0.1:{port}"]
        server = self.start(*argv, "--workers=1", "--preload", "--config=/dev/null", "--timeout=60")
        try:
            self.wait_for(port)
            status, body = self.ask(port, "GET", "/sysadmin/checks/health")
            self.assertEqual((status, body), (200, b"healthy\n"))
            self.assertEqual(self.ask(port, "GET", "/sysadmin/checks/", sysadmin=False)[0], 403)
            self.assertIn(b"Run the checks", self.ask(port, "GET", "/sysadmin/checks/")[1])
            for section in ("settings", "celery", "packages", "environment"):
                self.assertEqual(self.ask(port, "GET", f"/sysadmin/checks/?section={section}")[0], 200, section)
            self.stream(port)
            self.go_away(port)
            self.assertEqual(self.ask(port, "GET", "/sysadmin/checks/health")[0], 200)
        finally:
            self.stop(server)

    def test_a_worker_makes_the_checks_that_it_is_sent(self):
        queue = f"coursys-ops-test-{os.getpid()}"
        worker = [self.python, "-m", "celery", "-A", "site_fixture", "worker", "-Q", queue, "-n", f"{queue}@test"]
        server = self.start(*worker, "--concurrency=2")
        try:
            status, out, err = self.call(self.python, "-c", ASK_WORKER, queue)
        finally:
            self.stop(server)
            self.call(self.python, "-c", DELETE_QUEUE, queue)
        self.assertEqual(status, 0, err)
        answers = json.loads(out)
        self.assertEqual(len(answers), 4)
        for answer in answers:
            self.assertEqual((answer["worker"], answer["error"]), (f"{queue}@test", None))
            found = {check["id"]: check["status"] for check in answer["report"]["checks"]}
            self.assertEqual((found["database.connection"], found["django.search.query"]), ("passed", "passed"))

    def test_what_is_located_is_looked_at_by_a_worker_and_says_the_same(self):
        """The worker is told by its own configuration to send on what it is sent. It has one child: who sent on would wait
        for himself."""
        queue = f"coursys-ops-located-{os.getpid()}"
        queues = json.dumps(["batch", "email", "fast", "photo", "sims", queue])
        ids = ["database.dumps", "disk.space.dumps", "disk.space.tmp", "files.writable.dumps"]
        located = f'{{ "database.dumps" = "{queue}", "disk.space.tmp" = "{queue}", "*.dumps" = "{queue}" }}'
        environment = {"COURSYS_OPS_CELERY__QUEUES": queues, "COURSYS_OPS_CHECKS__LOCATED": located}
        worker = [self.python, "-m", "celery", "-A", "site_fixture", "worker", "-Q", queue, "-n", f"{queue}@test"]
        server = self.start(*worker, "--concurrency=1", **environment)
        try:
            self.wait_for_worker(queue)
            options = ("--set", f"celery.queues={queues}", "--set", f"checks.located={located}")
            argv = (PROGRAM, "--config", CONFIG, "check", *ids, "--format", "json")
            here = self.call(*argv)
            there = self.call(*argv, *options)
            package = self.call(self.python, "-c", ASK_PACKAGE, CONFIG, queues, located, *ids)
        finally:
            self.stop(server)
            self.call(self.python, "-c", DELETE_QUEUE, queue)
        outcome = self.outcome(here[1])
        for code, document, err in (there, package):
            found = self.outcome(document)
            self.assertEqual({id: found[id] for id in ids}, {id: outcome[id] for id in ids}, err)
            for check in json.loads(document)["checks"]:
                if check["id"] in ids:
                    self.assertEqual(check["location"], {"queue": queue})
                    self.assertIn(f"(seen by {queue}@test)", check["findings"][0]["message"])
        self.assertEqual(there[0], here[0], there[2])

    def wait_for_worker(self, queue):
        """Until it has answered once: the first call makes a child load the site."""
        status, _, err = self.call(self.python, "-c", ASK_WORKER, queue)
        self.assertEqual(status, 0, err)

    def start(self, *argv, **environment):
        """Starts a server of the site's."""
        return subprocess.Popen(
            argv,
            cwd=self.site,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **self.account,
        )

    def stop(self, server):
        """Ends it, and whatever it started."""
        server.terminate()
        try:
            server.wait(TIMEOUT_S)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGKILL)

    def stream(self, port):
        """Events come one by one, and the report at the end."""
        connection, answer = self.request(port, "POST", "/sysadmin/checks/", {"Accept": "application/x-ndjson"})
        times, last = [], None
        for line in answer:
            times.append(time.monotonic())
            last = json.loads(line)
        connection.close()
        self.assertEqual(last["event"], "report")
        self.assertGreater(len(last["report"]["checks"]), 50)
        self.assertGreater(times[-1] - times[0], 0.05, "everything came at once")

    def go_away(self, port):
        """A reader that goes away in the middle holds the only worker no longer than the run may take."""
        connection, answer = self.request(port, "POST", "/sysadmin/checks/", {"Accept": "application/x-ndjson"})
        self.assertEqual(json.loads(answer.readline())["event"], "run_started")
        answer.close()
        connection.close()

    def request(self, port, method, path, headers=None, sysadmin=True):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        who = {"X-Userid": "sysadmin"} if sysadmin else {}
        connection.request(method, path, headers={"Host": "coursys.test", **who, **(headers or {})})
        return connection, connection.getresponse()

    def ask(self, port, method, path, sysadmin=True):
        connection, answer = self.request(port, method, path, sysadmin=sysadmin)
        body = answer.read()
        connection.close()
        return answer.status, body

    def wait_for(self, port):
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        self.fail("gunicorn does not listen")
