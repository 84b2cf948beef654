"""Checks written in Python: in the same run, by the same rules."""

import sys
import threading
import time
import types
import unittest

from support import Case, small

import coursys_ops
from coursys_ops import Finding, Measurement, UsageError, check, register_check


class Registered(Case):
    def test_what_a_callable_returns_is_understood(self):
        measured = Finding.warning("slow", "look", code="slow", measurements=[Measurement("took", 3, "s", warn=2)])
        outcomes = {
            "mine.none": (None, "passed", "ok"),
            "mine.true": (True, "passed", "ok"),
            "mine.text": ("it is fine", "passed", "ok"),
            "mine.false": (False, "failed", "check_failed"),
            "mine.finding": (measured, "warning", "slow"),
            "mine.several": ([Finding.passed("a"), Finding.failed("b", code="empty")], "failed", "empty"),
            "mine.empty": ([], "unknown", "no_finding"),
            "mine.number": (3, "unknown", "panicked"),
            "mine.code": (Finding.failed("b", code="no_such_code"), "unknown", "panicked"),
            "mine.status": (Finding("broken", "empty", "b"), "unknown", "panicked"),
            "mine.nan": (Finding.passed(measurements=[Measurement("took", float("nan"))]), "unknown", "panicked"),
            "mine.infinite": (
                Finding.passed(measurements=[Measurement("took", 1, warn=float("inf"))]),
                "unknown",
                "panicked",
            ),
            "mine.no-hint": (Finding("failed", "empty", "b"), "failed", "empty"),
            # What only the native half can find wrong.
            "mine.message": (Finding("passed", "ok", 3), "unknown", "panicked"),
        }
        for id, (outcome, _, _) in outcomes.items():
            register_check(id)(lambda outcome=outcome: outcome)
        report = check(small(), only=["mine.*"])
        said = {one.id: (one.status, one.code) for one in report}
        self.assertEqual(said, {id: (status, code) for id, (_, status, code) in outcomes.items()})
        self.assertEqual(report["mine.finding"].findings[0].measurements[0].warn, 2)
        for found in report.failed + report.warnings:
            self.assertTrue(found.hint)
        self.assertIn("`mine.no-hint`", report["mine.no-hint"].findings[0].hint)
        for id in ("mine.status", "mine.nan", "mine.message"):
            self.assertIn("the check returned what is no finding: ", report[id].findings[0].message)

    def test_one_that_raises_costs_only_itself(self):
        @register_check("mine.raises", hint="call me")
        def raises():
            raise OSError("no such device")

        @register_check("mine.exits")
        def exits():
            sys.exit(3)

        report = check(small(), only=["mine.*", "disk.space.root"])
        found = report["mine.raises"].findings[0]
        self.assertEqual((found.status, found.code, found.hint), ("unknown", "panicked", "call me"))
        self.assertIn("OSError: no such device", found.message)
        found = report["mine.exits"].findings[0]
        self.assertEqual(
            (found.status, found.code, found.message), ("unknown", "panicked", "the check raised SystemExit: 3")
        )
        self.assertEqual(report["disk.space.root"].status, "passed")

    def test_one_that_hangs_is_abandoned_counted_and_warned_of(self):
        go_on = threading.Event()

        @register_check("mine.hangs", timeout=0.3)
        def hangs():
            go_on.wait(5)

        with self.assertWarns(coursys_ops.CheckAbandoned) as warned:
            report = check(small(), only=["mine.hangs", "disk.space.root"])
        self.assertIn("mine.hangs", str(warned.warning))
        found = report["mine.hangs"]
        self.assertEqual((found.status, found.code, report.run.abandoned), ("failed", "timeout", 1))
        self.assertEqual(report["disk.space.root"].status, "passed")
        self.assertTrue(any(thread.daemon and "mine.hangs" in thread.name for thread in threading.enumerate()))
        go_on.set()

    def test_needs_hold_for_them_too(self):
        @register_check("mine.first")
        def first():
            return False

        @register_check("mine.second", needs=["mine.first"])
        def second():
            return True

        report = check(small(), only=["mine.second"])
        self.assertEqual((report["mine.second"].status, report["mine.second"].because), ("skipped", ("mine.first",)))

    def test_connections_of_the_thread_are_closed_however_it_ends(self):
        closed = []
        database = types.ModuleType("django.db")
        database.connections = types.SimpleNamespace(close_all=lambda: closed.append(threading.current_thread()))
        kept = sys.modules.get("django.db")
        sys.modules["django.db"] = database
        try:
            register_check("mine.good")(lambda: True)
            register_check("mine.bad")(lambda: 1 / 0)
            check(small(), only=["mine.*"])
        finally:
            if kept is None:
                del sys.modules["django.db"]
            else:
                sys.modules["django.db"] = kept
        self.assertEqual(len(closed), 2)
        self.assertNotIn(threading.main_thread(), closed)

    def test_what_cannot_be_registered_is_told(self):
        register_check("mine.one")(lambda: True)
        for wrong in ("mine.one", "mine", "Mine.One", "mine..one", "mine.\u00e9", ""):
            with self.assertRaises(UsageError):
                register_check(wrong)
        with self.assertRaises(UsageError):
            register_check("mine.two", needs="mine.one")

    def test_what_a_run_could_not_read_is_told_where_it_is_registered_with_the_id(self):
        for wrong in (
            {"tier": "daily"},
            {"effects": "writes"},
            {"timeout": 0},
            {"timeout": float("nan")},
            {"timeout": float("inf")},
            {"timeout": "5"},
            {"needs": [None]},
        ):
            with self.assertRaises(UsageError) as raised:
                register_check("mine.wrong", **wrong)
            self.assertIn("`mine.wrong`", str(raised.exception))
        register_check("mine.title", title=3)(lambda: True)
        with self.assertRaises(UsageError) as raised:
            check(small())
        self.assertIn("`mine.title`: ", str(raised.exception))

    def test_an_unknown_need_or_a_taken_id_is_told_when_it_is_run(self):
        register_check("mine.one", needs=["no.such"])(lambda: True)
        with self.assertRaises(UsageError):
            check(small())
        coursys_ops.unregister_check("mine.one")
        register_check("disk.space.root")(lambda: True)
        with self.assertRaises(UsageError):
            check(small())

    def test_title_and_explanation_come_from_the_docstring(self):
        @register_check("mine.said")
        def said():
            """The index is whole.

            A rebuild that was interrupted leaves half of it.
            """

        report = check(small(), only=["mine.said"])
        self.assertEqual(report["mine.said"].title, "The index is whole")

    def test_a_hundred_of_them_run_side_by_side(self):
        for number in range(100):
            register_check(f"mine.number-{number}", timeout=5)(lambda: time.sleep(0.2))
        started = time.monotonic()
        report = check(small(), only=["mine.*"], deadline=14)
        self.assertEqual(report.summary.passed, 100, report)
        self.assertLess(time.monotonic() - started, 10)


if __name__ == "__main__":
    unittest.main()
