"""What the tests of the native half share: a small site, and what a process has open."""

import os
import threading
import time
import unittest

import coursys_ops

#: The configuration of a set of servers that is up; `cargo xtask test` says it.
SERVERS = os.environ.get("COURSYS_TEST_SERVERS")

#: A site of nothing but a directory.
SMALL = {
    "site": {"layout": "devel", "dir": "/tmp"},
    "database": {"engine": "sqlite", "name": "/nonexistent/site.db"},
}

#: The program that the package must agree with.
PROGRAM = os.environ.get("COURSYS_TEST_PROGRAM")

#: How many calls prove something: 1,000 in the full stage.
CALLS = int(os.environ.get("COURSYS_TEST_CALLS", "40"))

#: A call that goes through a library for each kind of server, a name look-up and the helper process.
LOOK = ["broker.connection", "cache.connection", "database.connection", "disk.space.root", "search.connection"]

needs_servers = unittest.skipUnless(SERVERS, "needs servers: run it with `cargo xtask test`")


def small():
    """The configuration of a small site."""
    return coursys_ops.Config.from_dict(SMALL)


def site():
    """The configuration of the servers, or of a small site when none are up."""
    return coursys_ops.Config.from_path(SERVERS) if SERVERS else small()


def look(config=None):
    """One call; says which checks are not as they should be."""
    report = coursys_ops.check(config or site(), only=LOOK, deadline=30)
    usual = "passed" if SERVERS else "skipped"
    expected = {"database.connection": "passed" if SERVERS else "failed", "disk.space.root": "passed"}
    return [str(report[id]) for id in LOOK if report[id].status != expected.get(id, usual)]


def what_is_open():
    """How many descriptors and threads this process has, and how many children."""
    descriptors = len(os.listdir("/proc/self/fd"))
    threads = len(os.listdir("/proc/self/task"))
    with open("/proc/thread-self/children") as children:
        return descriptors, threads, len(children.read().split())


def settled():
    """The same when nothing changes any more: a thread that has answered needs a moment to end."""
    last, since = what_is_open(), time.monotonic()
    while time.monotonic() - since < 0.3:
        time.sleep(0.02)
        now = what_is_open()
        if now != last:
            last, since = now, time.monotonic()
    return last


class Case(unittest.TestCase):
    """A test that leaves no registered check behind."""

    def tearDown(self):
        for id in coursys_ops.registered_checks():
            coursys_ops.unregister_check(id)

    def assert_leaves_nothing(self, before):
        """What was opened since `before` is gone."""
        self.assertEqual(settled(), before, [thread.name for thread in threading.enumerate()])
