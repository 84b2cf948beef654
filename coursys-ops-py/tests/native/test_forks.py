"""Calls before and after forks, in threads and in pools: none hangs, and none leaves anything."""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support import CALLS, Case, look, settled, site

HERE = Path(__file__).resolve().parent

#: Seconds. A hang is for ever, and a busy machine takes its time.
PATIENCE = 120


def environment(**more):
    """That of a server which finds this directory."""
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, **more}


def module(name):
    """Whether a package of the fixture site is installed here."""
    from importlib.util import find_spec

    return find_spec(name) is not None


class Forks(Case):
    def in_a_child(self):
        """Calls in a child of this process."""
        pid = os.fork()
        if pid == 0:
            # Whatever happens, the tests must not go on twice.
            try:
                os._exit(1 if look() else 0)
            finally:
                os._exit(2)
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self.assertEqual(os.waitstatus_to_exitcode(status), 0)
                return
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.fail("the child hangs")

    def test_children_call_after_their_parent_did(self):
        self.assertEqual(look(), [])
        for _ in range(3):
            self.in_a_child()
        self.assertEqual(look(), [])

    def test_a_fork_in_the_middle_of_a_call_of_another_thread_hangs_nobody(self):
        stop, wrong = threading.Event(), []

        def call():
            while not stop.is_set():
                wrong.extend(look())

        thread = threading.Thread(target=call)
        thread.start()
        try:
            for _ in range(5):
                self.in_a_child()
        finally:
            stop.set()
            thread.join()
        self.assertEqual(wrong, [])

    def test_threads_call_side_by_side_and_leave_nothing(self):
        config = site()
        look(config)
        before = settled()
        with ThreadPoolExecutor(8) as pool:
            for wrong in pool.map(look, [config] * CALLS):
                self.assertEqual(wrong, [])
        self.assert_leaves_nothing(before)

    def test_a_pool_of_daemonic_processes_calls(self):
        with multiprocessing.get_context("fork").Pool(4) as pool:
            for wrong in pool.map_async(look, [None] * CALLS).get(PATIENCE * 2):
                self.assertEqual(wrong, [])

    def test_memory_stays_flat(self):
        def resident():
            with open("/proc/self/statm") as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        config = site()
        for _ in range(max(10, CALLS // 4)):
            look(config)
        before, open_before = resident(), settled()
        for _ in range(int(os.environ.get("COURSYS_TEST_MANY_CALLS", CALLS))):
            self.assertEqual(look(config), [])
        self.assertLess(resident() - before, 16e6)
        self.assert_leaves_nothing(open_before)


@unittest.skipUnless(module("gunicorn"), "gunicorn is not installed here")
class Gunicorn(Case):
    def serve(self, *options):
        """Calls in workers of gunicorn, from eight clients at once."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        argv = [sys.executable, "-m", "gunicorn", "wsgi_app:application", "--bind", f"127.0.0.1:{port}"]
        argv += ["--workers", "2", "--threads", "2", "--timeout", str(PATIENCE), *options]
        with tempfile.TemporaryFile() as log:
            server = subprocess.Popen(argv, cwd=HERE, env=environment(), stdout=log, stderr=log)
            try:
                self.call_all(server, port)
            except Exception:
                log.seek(0)
                sys.stderr.write(log.read().decode(errors="replace"))
                raise
            finally:
                server.terminate()
                server.wait(PATIENCE)

    def call_all(self, server, port):
        def ask(path):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
                return json.load(answer)

        ends = time.monotonic() + PATIENCE
        while True:
            try:
                ask("/")
                break
            except OSError:
                self.assertIsNone(server.poll(), "gunicorn ended")
                self.assertLess(time.monotonic(), ends)
                time.sleep(0.1)
        with ThreadPoolExecutor(8) as pool:
            for answer in pool.map(ask, ["/"] * CALLS):
                self.assertEqual(answer["wrong"], [])
        # After the last of many: the pool of threads, and the descriptors of a worker and one request.
        descriptors, threads, children = ask("/settled")["open"]
        self.assertLessEqual(threads, 4)
        self.assertLess(descriptors, 30)
        self.assertEqual(children, 0)

    def test_workers_call(self):
        self.serve()

    def test_workers_call_when_the_application_called_before_they_were_forked(self):
        self.serve("--preload")


@unittest.skipUnless(module("celery"), "celery is not installed here")
class CeleryPrefork(Case):
    def test_children_of_a_prefork_worker_call(self):
        with tempfile.TemporaryDirectory() as place, tempfile.TemporaryFile() as log:
            for name in ("messages", "control", "results"):
                os.mkdir(os.path.join(place, name))
            env = environment(COURSYS_TEST_PLACE=place, C_FORCE_ROOT="1")
            argv = [sys.executable, "-m", "celery", "-A", "celery_app", "worker", "--concurrency", "2"]
            argv += ["--without-gossip", "--without-mingle", "--without-heartbeat", "-n", f"forks-{os.getpid()}@test"]
            worker = subprocess.Popen(argv, cwd=HERE, env=env, stdout=log, stderr=log)
            try:
                ask = f"import json, celery_app as c; calls = [c.call.delay() for _ in range({CALLS})]\n"
                ask += f"print(json.dumps([one.get({PATIENCE}, interval=0.1) for one in calls] + "
                ask += f"[c.call.delay(True).get({PATIENCE}, interval=0.1)]))"
                asked = subprocess.run(
                    [sys.executable, "-c", ask], cwd=HERE, env=env, capture_output=True, text=True, timeout=PATIENCE * 3
                )
                if asked.returncode:
                    log.seek(0)
                    self.fail(asked.stderr + log.read().decode(errors="replace"))
                answers = json.loads(asked.stdout.splitlines()[-1])
            finally:
                worker.terminate()
                worker.wait(PATIENCE)
        self.assertEqual([answer["wrong"] for answer in answers], [[]] * (CALLS + 1))
        descriptors, threads, children = answers[-1]["open"]
        self.assertLessEqual(threads, 2)
        self.assertLess(descriptors, 40)
        self.assertEqual(children, 0)


if __name__ == "__main__":
    unittest.main()
