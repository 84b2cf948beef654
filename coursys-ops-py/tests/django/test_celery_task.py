"""The task that runs checks where the worker is."""

import json
import unittest

from harness import Case, assert_no_secret, coursys_ops, fake_native, override_settings

try:
    from celery import Celery
except ImportError as error:
    raise unittest.SkipTest("Celery is not installed") from error

from coursys_ops.celery import TASK, run_checks

app = Celery("panel_site", set_as_current=True)
app.conf.task_always_eager = True


class Task(Case):
    def call(self, ids, deadline=3):
        return run_checks.apply(args=[ids, deadline]).get()

    def test_its_name_is_what_the_runner_sends(self):
        assert run_checks.name == TASK == "coursys_ops.run_checks"

    def test_the_answer_is_plain_data_with_the_workers_name(self):
        answer = json.loads(json.dumps(self.call(["broker.connection"])))
        assert answer["schema"] == 1 and answer["error"] is None and answer["worker"]
        assert [check["id"] for check in answer["report"]["checks"]] == ["broker.connection"]
        assert fake_native.CALLS[0]["deadline"] == 3.0

    def test_it_sends_nothing_on(self):
        self.call(["broker.connection"])
        assert fake_native.CALLS[0]["here"] is True

    def test_what_keeps_it_from_running_is_told_without_secrets(self):
        fake_native.RAISES = coursys_ops.ConfigError(["`br/oker p@ss%2`"])
        answer = self.call(["broker.connection"])
        assert answer["report"] is None and answer["error"]
        assert_no_secret(answer)

    def test_settings_that_are_wrong_are_told_too(self):
        with override_settings(COURSYS_OPS={5: 1}):
            assert "COURSYS_OPS" in self.call(["broker.connection"])["error"]

    def test_an_id_that_this_worker_does_not_know_is_an_error_and_no_crash(self):
        assert "no.such" in self.call(["no.such"])["error"]

    def test_autodiscovery_finds_it(self):
        from coursys_ops.django import tasks

        assert tasks.run_checks is run_checks
