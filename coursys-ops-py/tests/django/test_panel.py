"""The functions have the names and shapes that the site's own have had."""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import types
from pathlib import Path
from unittest import mock

from django.core import mail
from django.utils.safestring import SafeString
from harness import Case, assert_no_secret, coursys_ops, fake_native, override_settings

from coursys_ops.django import bounded, info, panel, sanity
from coursys_ops.django import mail as our_mail
from coursys_ops.django.sanity import NOT_RUN

found = fake_native.found


@contextlib.contextmanager
def hanging():
    """What something that hangs waits for; in the end it goes on, and its thread ends."""
    go_on = threading.Event()
    try:
        yield lambda: go_on.wait(10)
    finally:
        go_on.set()
        for thread in bounded._left_alone.values():
            thread.join(10)


def are_pairs(pairs):
    return all(isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in pairs)


class Checks(Case):
    def test_passed_and_failed_are_lists_of_label_and_message(self):
        fake_native.put(found("cas.login", "CAS login", "failed", "HTTP 500"))
        passed, failed = panel.deploy_checks()
        assert are_pairs(passed) and ("Broker connection", "all is well") in passed
        assert failed == [("CAS login", "HTTP 500")]

    def test_a_request_may_be_given_as_to_the_older_one(self):
        assert panel.deploy_checks(request=object())[1] == []

    def test_what_could_not_be_told_counts_as_failed(self):
        fake_native.put(found("a.b", "A", "unknown", "the deadline"))
        assert panel.deploy_checks()[1] == [("A", "the deadline")]

    def test_a_warning_passes_and_is_seen(self):
        fake_native.put(found("a.b", "A", "warning", "soon"))
        passed, failed = panel.deploy_checks()
        assert ("A", "warning: soon") in passed and not failed

    def test_sanity_is_the_tier(self):
        fake_native.put(found("a.b", "A", "failed"))
        assert panel.sanity_checks()[1] == []
        assert fake_native.CALLS[0]["tier"] == "sanity"

    def test_a_wrong_configuration_is_one_failure_without_secrets(self):
        fake_native.RAISES = coursys_ops.ConfigError(["broker.password: `br/oker p@ss%2` is none"])
        passed, failed = panel.deploy_checks()
        assert passed == [] and failed[0][0] == NOT_RUN
        assert_no_secret(failed)


class Health(Case):
    def test_a_healthy_site_is_a_dict_of_facts(self):
        assert panel.health_check() == {"units": None, "celery_res": True, "cache": "ok", "search_res": True}

    def test_a_site_that_is_not_healthy_raises_with_the_reason(self):
        fake_native.put(found("broker.connection", "Broker", "failed", "nothing listens", tier="sanity"))
        with self.assertRaisesMessage(panel.Unhealthy, "broker.connection: nothing listens"):
            panel.health_check()

    def test_a_search_that_finds_nothing_yet_is_told_and_no_reason(self):
        fake_native.put(found("search.query", "Search", "failed", "no hits"))
        assert panel.health_check()["search_res"] is False

    def test_a_search_server_that_does_not_answer_yet_makes_nobody_unhealthy(self):
        fake_native.put(
            found("search.connection", "Search connection", "failed", "nothing listens", tier="sanity"),
            found("search.query", "Search", "skipped", "needs it", because=["search.connection"], code="need_failed"),
        )
        assert panel.health_check()["search_res"] is False

    def test_what_more_than_a_hint_needs_is_a_reason(self):
        fake_native.put(found("search.connection", "Search connection", "failed", "nothing listens", tier="sanity"))
        names = ["search.query", "search.connection"]
        with override_settings(COURSYS_OPS={"HEALTH_CHECKS": names}), self.assertRaises(panel.Unhealthy):
            panel.health_check()
        with mock.patch.dict(fake_native.NEEDS, {"broker.connection": ["search.connection"]}):
            with self.assertRaises(panel.Unhealthy):
                panel.health_check()

    def test_a_wrong_id_is_told_with_the_nearest_and_never_healthy(self):
        for option, name in (("HEALTH_CHECKS", "broker.conection"), ("HEALTH_HINTS", "serch.query")):
            with override_settings(COURSYS_OPS={option: ["broker.*", name]}):
                with self.assertRaises(coursys_ops.UsageError) as raised:
                    panel.health_check()
            text = str(raised.exception)
            near = {"broker.conection": "broker.connection", "serch.query": "search.query"}[name]
            assert f"COURSYS_OPS['{option}']" in text and f"`{name}`; did you mean `{near}`?" in text, text
        assert fake_native.CALLS == []

    def test_health_that_is_made_of_nothing_is_no_health(self):
        with override_settings(COURSYS_OPS={"HEALTH_CHECKS": []}), self.assertRaises(coursys_ops.UsageError):
            panel.health_check()
        fake_native.CHECKS[:] = [found("a.b", "A")]
        with self.assertRaises(coursys_ops.UsageError):
            panel.health_check()
        assert fake_native.CALLS == []

    def test_hints_may_be_globs(self):
        fake_native.put(found("search.query", "Search", "failed", "no hits"))
        with override_settings(COURSYS_OPS={"HEALTH_HINTS": "search.*"}):
            assert panel.health_check()["search_res"] is False

    def units(self, count):
        model = types.SimpleNamespace(objects=types.SimpleNamespace(count=count))
        return mock.patch("django.apps.apps.get_model", return_value=model)

    def test_units_are_counted_and_none_is_not_healthy(self):
        with self.units(lambda: 3):
            assert panel.health_check()["units"] == 3
        with self.units(lambda: 0), self.assertRaisesMessage(panel.Unhealthy, "no units") as raised:
            panel.health_check()
        assert raised.exception.report.ok

    def test_a_database_that_hangs_under_django_alone_costs_a_moment(self):
        begun = []
        with hanging() as hang, mock.patch.object(sanity, "UNITS_S", 0.1):
            with self.units(lambda: begun.append(1) or hang()):
                with self.assertRaisesMessage(panel.Unhealthy, "within 0.1 s"):
                    panel.health_check()
                # Who probes goes on asking, and must not take one connection after the other.
                with self.assertRaisesMessage(panel.Unhealthy, "an earlier try has not come back yet"):
                    panel.health_check()
        assert len(begun) == 1
        with self.units(lambda: 3):
            assert panel.health_check()["units"] == 3

    def test_a_site_without_celery_has_no_result_of_it(self):
        fake_native.CHECKS[:] = [check for check in fake_native.CHECKS if not check["id"].startswith("celery")]
        assert panel.health_check()["celery_res"] is None

    def test_only_what_health_is_made_of_is_looked_at(self):
        fake_native.put(found("cas.login", "CAS login", "failed"))
        panel.health_check()
        assert "cas.login" not in fake_native.CALLS[0]["only"]


class Settings(Case):
    def test_labels_are_those_of_old(self):
        labels = [label for label, _ in panel.settings_info()]
        for label in (
            "Deploy mode",
            "Database engine",
            "Authentication Backends",
            "Cache backend",
            "Haystack engine",
            "Email backend",
            "Celery broker",
            "Email host",
            "DATABASES",
        ):
            assert label in labels

    def test_no_secret_of_any_setting_is_shown(self):
        info = panel.settings_info()
        assert_no_secret(info)
        assert "broker.test" not in str(dict(info)["Celery broker"])
        assert "coursys" in str(dict(info)["DATABASES"])

    def test_databases_are_html_that_needs_no_escaping(self):
        assert isinstance(dict(panel.settings_info())["DATABASES"], SafeString)

    def test_a_site_without_search_or_celery_is_told_without(self):
        from django.conf import settings

        with override_settings():
            del settings.HAYSTACK_CONNECTIONS
            del settings.CELERY_BROKER_URL
            labels = [label for label, _ in panel.settings_info()]
        assert "Haystack engine" not in labels and "Celery broker" not in labels

    def test_the_environment_is_shown_without_secrets(self):
        variables = {"X_PASSWORD": "s3cret", "URL_OF_IT": "amqp://u:s3cret@h//", "COPY": "django-secret-key-5"}
        with mock.patch.dict(os.environ, variables):
            info = panel.environ_info()
        assert are_pairs(info) and "s3cret" not in str(info)
        assert_no_secret(info)


class Mail(Case):
    def test_a_message_goes_the_way_of_the_sites_own(self):
        assert panel.send_test_email("me@example.ca") == (True, "Message sent to me@example.ca.")
        assert mail.outbox[0].to == ["me@example.ca"]
        assert mail.outbox[0].from_email == "CourSys <nobody@coursys.test>"

    def test_a_server_that_refuses_is_an_answer_and_no_exception(self):
        error = OSError("refused, password=mail-pass<3>")
        with mock.patch("django.core.mail.backends.locmem.EmailBackend.send_messages", side_effect=error):
            sent, message = panel.send_test_email("me@example.ca")
        assert not sent and message.startswith("OSError")
        assert_no_secret(message)

    def test_a_backend_that_hangs_is_an_answer_in_time(self):
        with hanging() as hang, mock.patch.object(our_mail, "WHOLE_S", 0.1):
            with mock.patch("django.core.mail.backends.locmem.EmailBackend.send_messages", lambda *_: hang()):
                sent, message = panel.send_test_email("me@example.ca")
        assert not sent and message.startswith("the site's mail backend: no answer within 0.1 s; see"), message

    def test_what_is_no_address_is_not_tried(self):
        assert panel.send_test_email("me@example.ca\nBcc: all@example.ca")[0] is False
        assert not mail.outbox


class Queues(Case):
    def test_each_node_says_what_it_does_and_holds(self):
        task = {"id": "1", "name": "coredata.tasks.ping", "node": "fast@host", "age_s": 3.2, "eta": None}
        queue = {
            "name": "fast",
            "exists": True,
            "ready": 4,
            "nodes": ["fast@host"],
            "active": [task],
            "scheduled": [task, task],
        }
        answer = {"queues": [queue], "notes": []}
        with mock.patch.object(coursys_ops, "queues", lambda config: answer, create=True):
            info = panel.celery_info()
        assert info == [
            ("fast waiting", 4),
            ("fast@host active", "coredata.tasks.ping (3 s)"),
            ("fast@host scheduled", 2),
        ]

    def test_no_broker_is_an_answer(self):
        failure = mock.Mock(side_effect=coursys_ops.Error("nothing listens on 127.0.0.1:5672"))
        with mock.patch.object(coursys_ops, "queues", failure, create=True):
            assert panel.celery_info()[0][0] == "Error"


class Machine(Case):
    def test_packages_are_listed_as_pip_freeze_does(self):
        ((label, shown),) = panel.pip_info()
        assert label == "PIP freeze" and isinstance(shown, SafeString)
        assert "Django==" in shown

    def test_busy_processes_are_a_table_without_secrets(self):
        code = "import time\nwhile True: pass"
        child = subprocess.Popen([sys.executable, "-c", code, "--password", "s3cret", "<b>", "db&pass'word\"1"])
        try:
            info = dict(panel.ps_info(0.3))
        finally:
            child.kill()
            child.wait()
        assert f"<td>{child.pid}</td>" in info["Running Processes"]
        assert info["CPU Percent"] > 0 and len(info["System Load"]) == 3
        assert "s3cret" not in info["Running Processes"] and "<b>" not in info["Running Processes"]
        assert_no_secret(info["Running Processes"])

    def test_files_are_created_without_a_trace(self):
        with tempfile.TemporaryDirectory() as directory:
            assert panel.check_file_create(directory) is None
            assert os.listdir(directory) == []
        assert panel.check_file_create(directory) == "directory does not exist"

    def test_space_is_judged_as_the_site_does(self):
        passed, failed = panel.check_free_space("/", "filesystem root", 0)
        assert passed[0][0] == "Space in filesystem root" and passed[0][1].startswith("okay (") and not failed
        assert panel.check_free_space("/", "root", 1e9)[1][0][1].startswith("Low: ")
        assert panel.check_free_space("/nonexistent", "x", 1) == ([], [("Space in x", "directory does not exist")])


class Git(Case):
    def test_branch_and_commit_are_what_git_prints(self):
        with tempfile.TemporaryDirectory() as directory:
            git = ["git", "-C", directory, "-c", "user.name=x", "-c", "user.email=x@example.ca"]
            subprocess.run([*git, "init", "-q", "-b", "main/line"], check=True)
            subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
            for pack in (False, True):
                if pack:
                    subprocess.run([*git, "pack-refs", "--all"], check=True)
                with override_settings(BASE_DIR=Path(directory)):
                    branch, revision = panel.git_branch(), panel.git_revision()
                assert branch == b"main/line\n"
                assert revision == subprocess.check_output([*git, "rev-parse", "HEAD"])
            subprocess.run([*git, "checkout", "-q", "--detach"], check=True)
            with override_settings(BASE_DIR=directory):
                assert panel.git_branch() == b"HEAD\n"
                assert panel.git_revision() == revision

    def test_a_head_that_leads_out_of_the_clone_is_not_followed(self):
        with tempfile.TemporaryDirectory() as directory:
            git = Path(directory, ".git")
            git.mkdir()
            (git / "HEAD").write_text("ref: ../../../etc/passwd\n")
            with override_settings(BASE_DIR=directory), self.assertRaises(OSError):
                panel.git_revision()


class ReportingDatabase(Case):
    def with_site(self, csrpt_update):
        queries = types.ModuleType("coredata.queries")
        queries.csrpt_update = csrpt_update
        return mock.patch.dict(sys.modules, {"coredata": types.ModuleType("coredata"), "coredata.queries": queries})

    def test_what_the_sites_own_function_says_is_told(self):
        with self.with_site(lambda: [("max(status_dt)", "2026-11-23")]):
            assert panel.csrpt_info() == [("max(status_dt)", "2026-11-23")]

    def test_a_driver_that_raises_is_an_answer_without_secrets(self):
        failure = mock.Mock(side_effect=RuntimeError("login failed: UID=me;PWD=s3cret;"))
        with self.with_site(failure):
            ((label, message),) = panel.csrpt_info()
        assert label == "SIMS problem" and "s3cret" not in message

    def test_a_database_that_hangs_is_an_answer_in_time(self):
        with hanging() as hang, mock.patch.object(info, "CSRPT_S", 0.1):

            def slow_rows():
                yield ("first", "row")
                hang()

            with self.with_site(slow_rows):
                ((label, message),) = panel.csrpt_info()
        assert label == "SIMS problem" and "within 0.1 s" in message

    def test_a_site_without_it_says_so(self):
        assert panel.csrpt_info()[0][0] == "SIMS problem"
