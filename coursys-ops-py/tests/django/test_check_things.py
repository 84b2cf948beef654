"""`manage.py check_things` prints what it always has, and its exit status says whether all is well."""

import json
import os
import subprocess
import sys
from importlib import import_module
from io import StringIO
from unittest import mock

from django.core.cache import cache
from django.core.management import CommandError, call_command
from harness import Case, assert_no_secret, coursys_ops, fake_native, override_settings

from coursys_ops.django import shared_cache

found = fake_native.found


def load(name):
    """The class of a command."""
    return import_module(f"coursys_ops.django.management.commands.{name}").Command


def run(*arguments, **options):
    """Standard output, standard error and the exit status."""
    out, err = StringIO(), StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=err, **options)
    except SystemExit as ended:
        return out.getvalue(), err.getvalue(), ended.code
    except CommandError as error:
        return out.getvalue(), str(error), error.returncode
    return out.getvalue(), err.getvalue(), 0


class Sections(Case):
    def test_the_four_sections_in_their_order(self):
        fake_native.put(
            found("cas.login", "CAS login", "failed", "HTTP 500", hint="call them"),
            found("a.b", "A", "unknown", "the deadline"),
            found("time.offset", "Clock", "warning", "off by 80 ms"),
            found("c.d", "C", "skipped", "needs A", because=["a.b"], code="need_failed"),
            found("e.f", "E", "skipped", "not in this layout", code="not_in_layout"),
        )
        out, _, status = run("check_things")
        assert status == 1
        places = [
            out.index(title)
            for title in (
                "\nFor information:\n  Deploy mode: proddev\n",
                "\nThese checks passed:\n  Broker connection: all is well\n",
                "\nThese checks passed with a warning:\n  Clock: off by 80 ms\n",
                "\nThese checks failed:\n  CAS login: HTTP 500\n    call them\n",
                "\nStatus unknown:\n  A: the deadline",
            )
        ]
        assert places == sorted(places)
        assert "  C: not looked at because of a.b\n" in out
        assert "  Email sending: provide an --email argument to test.\n" in out
        assert "not in this layout" not in out and "<pre>" not in out
        assert_no_secret(out)

    def test_a_healthy_site_ends_with_0(self):
        out, _, status = run("check_things")
        assert status == 0 and "These checks failed" not in out

    def test_a_warning_ends_with_1_only_when_asked(self):
        fake_native.put(found("time.offset", "Clock", "warning"))
        assert run("check_things")[2] == 0
        assert run("check_things", "--strict")[2] == 1

    def test_a_mail_that_was_sent_is_unknown_and_one_that_was_not_is_failed(self):
        out, _, status = run("check_things", "--email", "me@example.ca")
        assert status == 0 and "Email sending: Message sent to me@example.ca." in out.split("Status unknown")[1]
        with mock.patch("django.core.mail.backends.locmem.EmailBackend.send_messages", side_effect=OSError("refused")):
            out, _, status = run("check_things", "--email=me@example.ca")
        assert status == 1 and "Email sending: OSError: refused" in out.split("checks failed")[1]

    def test_options_go_to_the_run(self):
        with override_settings(COURSYS_OPS={"SKIP": ["moss.*"]}):
            run("check_things", "--tier", "sanity", "--deadline", "3")
        call = fake_native.CALLS[0]
        assert (call["tier"], call["deadline"], call["skip"]) == ("sanity", 3.0, ["moss.*"])


class Formats(Case):
    def test_json_is_one_document(self):
        out, _, status = run("check_things", "--format", "json")
        assert status == 0 and json.loads(out)["schema"] == 1

    def test_each_format_is_the_programs(self):
        for format in ("junit", "nagios", "prometheus", "html"):
            assert run("check_things", "--format", format)[0].startswith(f"a report as {format}")

    def test_what_became_of_the_mail_does_not_spoil_the_document(self):
        out, err, _ = run("check_things", "--format=json", "--email=me@example.ca")
        assert json.loads(out) and "Message sent" in err


class Nagios(Case):
    """`--format nagios` ends as the plugin API says, in either command."""

    COMMANDS = (("check_things",), ("coursys_ops", "check"))

    def test_the_status_is_from_0_to_3(self):
        for status, plain, strict in (("passed", 0, 0), ("warning", 1, 2), ("failed", 2, 2), ("unknown", 3, 3)):
            fake_native.put(found("a.b", "A", status))
            for command in self.COMMANDS:
                assert run(*command, "--format=nagios")[2] == plain, (command, status)
                assert run(*command, "--format=nagios", "--strict")[2] == strict, (command, status)
                assert fake_native.CALLS[-1]["strict"] is True

    def test_what_keeps_it_from_looking_is_unknown_in_one_line_and_tells_no_secret(self):
        wrong = coursys_ops.ConfigError(["broker.vhost: `br/oker p@ss%2` | is none", "and more"])
        for failure in (wrong, ZeroDivisionError("x")):
            fake_native.RAISES = failure
            for command in self.COMMANDS:
                out, _, status = run(*command, "--format", "nagios")
                assert status == 3 and out.startswith("COURSYS UNKNOWN - ") and out.count("\n") == 1, out
                assert "|" not in out
                assert_no_secret(out)

    def test_an_option_of_the_settings_that_there_is_not_is_unknown_too(self):
        for command in self.COMMANDS:
            with override_settings(COURSYS_OPS={"TIRE": "slow"}):
                out, _, status = run(*command, "--format=nagios")
            assert status == 3 and "did you mean 'TIER'" in out

    def test_arguments_that_make_no_sense_are_unknown_too(self):
        for command in self.COMMANDS:
            out = StringIO()
            program = load(command[0])(stdout=out, stderr=StringIO())
            with mock.patch("sys.stderr", StringIO()), self.assertRaises(SystemExit) as ended:
                program.run_from_argv(["manage.py", *command, "--format", "nagios", "--tire=slow"])
            assert ended.exception.code == 3 and out.getvalue().startswith("COURSYS UNKNOWN - ")

    def test_a_mail_that_was_not_sent_is_critical(self):
        out, _, status = run("check_things", "--format=nagios", "--email=nobody")
        assert status == 2 and out.startswith("COURSYS CRITICAL - Email sending: this is no e-mail address\n")


class Start(Case):
    def test_it_starts_when_a_system_check_finds_something(self):
        from coursys_ops.django.management.commands.check_things import Command

        assert Command.requires_system_checks == [] and not Command.requires_migrations_checks

    def test_an_option_of_the_settings_that_there_is_not_ends_with_2(self):
        with override_settings(COURSYS_OPS={"TIRE": "slow"}):
            assert run("check_things")[2] == 2

    def test_a_wrong_configuration_ends_with_2_and_tells_no_secret(self):
        fake_native.RAISES = coursys_ops.ConfigError(["broker.vhost: `br/oker p@ss%2` is none"])
        _, err, status = run("check_things")
        assert status == 2 and "broker.vhost" in err
        assert_no_secret(err)

    def test_the_subcall_adds_one_to_what_the_other_process_stored(self):
        cache.set(shared_cache.KEY, 41)
        out, err, status = run("check_things", "--cache_subcall")
        assert (out, err, status) == ("", "", 0)
        assert cache.get(shared_cache.KEY) == 42 and fake_native.CALLS == []

    def test_as_a_program_its_status_is_the_exit_status(self):
        program = (
            "import harness; from django.core.management import execute_from_command_line as go\n"
            "harness.fake_native.put(harness.fake_native.found('a.b', 'A', 'failed'))\n"
            "go(['manage.py', 'check_things', '--format=json'])"
        )
        here = os.path.dirname(os.path.abspath(__file__))
        ended = subprocess.run([sys.executable, "-c", program], cwd=here, capture_output=True, check=False)
        assert ended.returncode == 1, ended.stderr
        assert json.loads(ended.stdout)["summary"]["failed"] == 1 and ended.stderr == b""


class Ops(Case):
    """`manage.py coursys_ops`."""

    def test_check_takes_ids_and_formats(self):
        out, _, status = run("coursys_ops", "check", "broker.*", "--format=json")
        assert status == 0 and [check["id"] for check in json.loads(out)["checks"]] == ["broker.connection"]

    def test_events_are_lines_of_json(self):
        lines = run("coursys_ops", "check", "--format=jsonl")[0].splitlines()
        assert json.loads(lines[0])["event"] == "run_started" and json.loads(lines[-1])["event"] == "run_ended"

    def test_an_id_that_matches_nothing_ends_with_2(self):
        assert run("coursys_ops", "check", "no.such")[2] == 2

    def test_what_fails_ends_with_1(self):
        fake_native.put(found("a.b", "A", "failed"))
        assert run("coursys_ops", "check")[2] == 1

    def test_list_runs_nothing(self):
        out, _, _ = run("coursys_ops", "check", "--list")
        assert "broker.connection  sanity  Broker connection\n" in out and not fake_native.CALLS

    def test_the_list_is_a_document_for_programs(self):
        document = json.loads(run("coursys_ops", "check", "--list", "--format=json")[0])
        assert document["schema"] == 1 and document["checks"][0]["id"] == "broker.connection"

    def test_a_check_is_explained_and_not_run(self):
        out, _, status = run("coursys_ops", "check", "--explain", "broker.*")
        assert status == 0 and out.startswith("broker.connection: Broker connection\n\nwhy it is looked at\n")
        assert not fake_native.CALLS and run("coursys_ops", "check", "--explain", "no.such")[2] == 2

    def test_read_only_goes_to_the_run(self):
        run("coursys_ops", "check", "--read-only")
        assert fake_native.CALLS[0]["read_only"] is True

    def test_a_component_that_is_down_ends_with_1(self):
        fake_native.STATUS["exit_code"] = 1
        out, _, status = run("coursys_ops", "status")
        assert status == 1 and json.loads(out)["exit_code"] == 1

    def test_health_is_that_of_the_view(self):
        assert run("coursys_ops", "health") == ("healthy\n", "", 0)
        fake_native.put(found("cache.connection", "Cache", "failed", "gone", tier="sanity"))
        out, _, status = run("coursys_ops", "health")
        assert status == 1 and out == "unhealthy\nfailed cache.connection (refused): gone\n"

    def test_the_configuration_is_shown_without_secrets(self):
        out, _, _ = run("coursys_ops", "config")
        assert "mail.test" in out
        assert_no_secret(out)

    def test_what_runs_waits_and_is_closed_is_one_document_each(self):
        for name in ("status", "maintenance", "queues"):
            out, _, status = run("coursys_ops", name)
            assert status == 0 and json.loads(out)["schema"] == 1
        fake_native.RAISES = coursys_ops.Error("nothing listens; password=s3cret")
        _, err, status = run("coursys_ops", "queues")
        assert status == 2 and "s3cret" not in err

    def test_a_mail_by_djangos_backend(self):
        out, _, status = run("coursys_ops", "email-check", "me@example.ca", "--django")
        assert status == 0 and out == "Message sent to me@example.ca.\n"
