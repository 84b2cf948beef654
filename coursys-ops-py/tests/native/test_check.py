"""A run: what is selected, who looks on, and who stops it."""

import copy
import json
import os
import pickle
import signal
import threading
import time
import unittest

from support import Case, settled, small

import coursys_ops
from coursys_ops import Finding, Report, UsageError, check, list_checks, register_check


class Runs(Case):
    def test_a_report_is_iterable_comparable_frozen_and_travels(self):
        report = check(small())
        self.assertGreater(len(report), 20)
        self.assertEqual([one.id for one in report], sorted(one.id for one in report))
        self.assertIn("disk.space.root", report)
        self.assertEqual(report["disk.space.root"].status, "passed", report)
        label, message = report["disk.space.root"].findings[0]
        self.assertTrue(label.startswith("Disk space") and message)
        self.assertIn(report["database.connection"].findings[0], report.failed)
        self.assertFalse(report.ok)
        for again in (pickle.loads(pickle.dumps(report)), copy.deepcopy(report), Report.from_json(report.to_json())):
            self.assertEqual(again, report)
            self.assertEqual(hash(again.failed), hash(report.failed))
        with self.assertRaises(AttributeError):
            report.checks = ()
        with self.assertRaises(AttributeError):
            report.failed[0].message = "all is well"
        with self.assertRaises(KeyError):
            report["no.such"]

    def test_a_report_prints_well_in_every_format(self):
        report = check(small(), only=["disk.*", "database.connection"])
        self.assertIn("failed", repr(report))
        self.assertIn("FAILED   database.connection", str(report))
        self.assertEqual(json.loads(report.to_json()), report.to_dict())
        html = report.to_html()
        self.assertIn('data-check="database.connection"', html)
        for forbidden in ("<script", "style=", "onclick"):
            self.assertNotIn(forbidden, html)
        for format in ("junit", "nagios", "prometheus"):
            self.assertIn("database", report.render(format))
        with self.assertRaises(UsageError):
            report.render("word")

    def test_what_a_newer_program_says_more_within_the_schema_is_left_alone(self):
        document = check(small(), only=["disk.space.root"]).to_dict()
        found = document["checks"][0]["findings"][0]
        for part in (
            document,
            document["run"],
            document["summary"],
            document["checks"][0],
            found,
            found["measurements"][0],
        ):
            part["of_tomorrow"] = 1
        document["facts"] = [{"label": "a", "value": "b", "of_tomorrow": 1}]
        report = Report(document)
        self.assertEqual(report["disk.space.root"].status, "passed")
        self.assertEqual(Report.from_json(report.to_json()), report)

    def test_nagios_has_its_own_codes(self):
        outcomes = {
            "passed": (0, 0, "OK"),
            "warning": (1, 2, "WARNING"),
            "failed": (2, 2, "CRITICAL"),
            "unknown": (3, 3, "UNKNOWN"),
        }
        for status, (plain, strict, word) in outcomes.items():
            register_check("mine.state")(lambda status=status: Finding(status, "check_failed", "so it is", "do it"))
            report = check(small(), only=["mine.state"])
            coursys_ops.unregister_check("mine.state")
            self.assertEqual((report.nagios_code(), report.nagios_code(strict=True)), (plain, strict))
            self.assertTrue(report.render("nagios").startswith(f"COURSYS {word} - "))
            word = "CRITICAL" if status == "warning" else word
            self.assertTrue(report.render("nagios", strict=True).startswith(f"COURSYS {word} - "))

    def test_maintenance_is_an_error_where_there_is_no_page_for_it(self):
        with self.assertRaises(UsageError) as raised:
            coursys_ops.maintenance(small())
        self.assertIn("`maintenance.flag`", str(raised.exception))

    def test_what_makes_no_sense_is_told_and_nothing_is_run(self):
        for wrong, words in (
            ({"only": ["disk.spce.root"]}, "did you mean `disk.space.root`"),
            ({"skip": ["nothing.*"]}, "nothing.*"),
            ({"tier": "fast"}, "there is no tier"),
            ({"deadline": 0}, "deadline"),
            ({"deadline": float("nan")}, "deadline"),
            ({"only": "disk.*"}, "a list"),
        ):
            with self.assertRaises(UsageError) as raised:
                check(small(), **wrong)
            self.assertIn(words, str(raised.exception))

    def test_a_check_of_any_tier_is_run_when_it_is_named(self):
        slow = next(one["id"] for one in list_checks(small()) if one["tier"] == "slow")
        self.assertIn(slow, check(small(), only=[slow]))
        self.assertNotIn(slow, check(small()))
        with self.assertRaises(UsageError):
            check(small(), "sanity", only=[slow])

    def test_every_event_comes_on_the_calling_thread_in_order(self):
        events, threads = [], set()

        def on_event(event):
            events.append(event)
            threads.add(threading.get_ident())

        report = check(small(), on_event=on_event)
        self.assertEqual(threads, {threading.get_ident()})
        self.assertEqual((events[0]["event"], events[-1]["event"]), ("run_started", "run_ended"))
        finished = {event["id"] for event in events if event["event"] == "check_finished"}
        self.assertEqual(finished, {one.id for one in report})

    def test_an_exception_of_the_listener_stops_the_run_and_is_raised(self):
        calls = []

        def on_event(event):
            calls.append(event)
            raise LookupError("enough")

        with self.assertRaises(LookupError):
            check(small(), on_event=on_event)
        self.assertEqual(len(calls), 1)

    def test_a_signal_is_looked_at_while_the_run_waits(self):
        @register_check("mine.slow", timeout=10)
        def slow():
            time.sleep(5)

        before = signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.3)
            started = time.monotonic()
            with self.assertRaises(KeyboardInterrupt):
                check(small(), only=["mine.slow"])
            self.assertLess(time.monotonic() - started, 1)
        finally:
            signal.signal(signal.SIGALRM, before)

    def test_other_threads_run_while_a_check_is_waited_for(self):
        @register_check("mine.slow", timeout=10)
        def slow():
            time.sleep(0.5)

        turns, stop = [], threading.Event()

        def turn():
            while not stop.wait(0.01):
                turns.append(1)

        thread = threading.Thread(target=turn)
        thread.start()
        check(small(), only=["mine.slow"])
        stop.set()
        thread.join()
        self.assertGreater(len(turns), 10)

    def test_nothing_is_left_of_a_run(self):
        check(small())
        before = settled()
        for _ in range(10):
            check(small())
        self.assert_leaves_nothing(before)

    def test_a_child_that_was_killed_leaves_no_helper(self):
        pid = os.fork()
        if pid == 0:
            while True:
                check(small(), only=["disk.*"])
        time.sleep(1)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        time.sleep(0.3)
        orphans = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/cmdline", "rb") as file:
                        arguments = file.read().split(b"\0")
                except OSError:
                    continue
                if str(pid).encode() in arguments[1:3]:
                    orphans.append(arguments)
        self.assertEqual(orphans, [])

    def test_where_the_helper_program_is_missing_the_interpreter_is_it(self):
        from coursys_ops import _run

        kept, _run._HELPER = _run._HELPER, "/nonexistent"
        try:
            report = check(small(), only=["disk.space.root"])
        finally:
            _run._HELPER = kept
        self.assertEqual(report["disk.space.root"].status, "passed", report)

    def test_the_deadline_holds(self):
        @register_check("mine.hangs", timeout=14)
        def hangs():
            time.sleep(3)

        started = time.monotonic()
        with self.assertWarns(coursys_ops.CheckAbandoned):
            report = check(small(), only=["mine.hangs"], deadline=0.5)
        self.assertLess(time.monotonic() - started, 1.5)
        self.assertEqual((report.run.ended, report["mine.hangs"].code), ("deadline", "deadline"))

    def test_findings_are_values(self):
        one = Finding.failed("broken", "mend it", subject="a")
        self.assertEqual(one, Finding.failed("broken", "mend it", subject="a"))
        self.assertEqual(len({one, Finding.failed("broken", "mend it", subject="a")}), 1)
        self.assertNotEqual(one, Finding.failed("broken", "mend it", subject="b"))
        self.assertIn("mend it", str(one))


if __name__ == "__main__":
    unittest.main()
