"""What the tests of the native half share: a small site, and what a process has open."""

import os
import threading
import time
import unittest

import coursys_ops

#: The configuration of a set of servers that is up; `cargo xtask test` says it.
SERVERS = os.environ.get("COURSYS_OPS_TEST_CONFIG")

#: A site of nothing but a directory.
SMALL = {
    "site": {"layout": "devel", "dir": "/tmp"},
    "database": {"engine": "sqlite", "name": "/nonexistent/site.db"},
}

needs_servers = unittest.skipUnless(SERVERS, "needs servers: run it with `cargo xtask test`")


def small():
    """The configuration of a small site."""
    return coursys_ops.Config.from_dict(SMALL)


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
