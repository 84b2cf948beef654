"""The panel page: who may see it, what it runs, and that nothing of it is inline."""

import json
import re
import threading
import time
from unittest import mock

from django.core import mail
from django.test import Client
from harness import Case, assert_no_secret, coursys_ops, fake_native, override_settings

found = fake_native.found
ALLOWED = {"HTTP_X_ROLE": "SYSA"}
STREAM = {**ALLOWED, "HTTP_ACCEPT": "application/x-ndjson"}
PERMISSION = {"PERMISSION": "panel_site.hooks.is_sysadmin"}


def lines(response):
    return [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]


class Access(Case):
    def test_strangers_get_403_when_nothing_is_set(self):
        assert self.client.get("/checks/").status_code == 403
        assert self.client.post("/checks/").status_code == 403
        assert fake_native.CALLS == []

    def test_superusers_may_when_nothing_is_set(self):
        user = mock.Mock(is_active=True, is_superuser=True, email="me@example.ca")
        with mock.patch("django.contrib.auth.middleware.get_user", return_value=user):
            assert self.client.get("/checks/").status_code == 200
            user.is_active = False
            assert self.client.get("/checks/").status_code == 403

    @override_settings(COURSYS_OPS=PERMISSION)
    def test_a_predicate_of_the_site_decides(self):
        assert self.client.get("/checks/", **ALLOWED).status_code == 200
        assert self.client.get("/checks/").status_code == 403

    @override_settings(COURSYS_OPS={"DECORATOR": ("panel_site.hooks.requires_role", "SYSA")})
    def test_a_decorator_of_the_site_decides_and_sends_strangers_where_it_wants(self):
        assert self.client.get("/checks/", **ALLOWED).status_code == 200
        assert self.client.get("/checks/").headers["Location"] == "/login/"
        assert self.client.post("/checks/").status_code == 302
        assert fake_native.CALLS == []


@override_settings(COURSYS_OPS=PERMISSION)
class Page(Case):
    def test_looking_at_the_page_runs_nothing(self):
        assert b"Run the checks" in self.client.get("/checks/", **ALLOWED).content
        assert fake_native.CALLS == []

    def test_nothing_is_inline_and_the_policy_is_strict(self):
        fake_native.put(found("cas.login", "CAS <b>login</b>", "failed", "<script>alert(1)</script>"))
        with mock.patch.object(coursys_ops, "queues", lambda config: {"queues": [], "notes": []}, create=True):
            for section in ("checks", "email", "settings", "celery", "packages", "reporting", "environment"):
                response = self.client.get(f"/checks/?section={section}", **ALLOWED)
                self.is_strict(response)
        self.is_strict(self.client.post("/checks/", **ALLOWED))

    def is_strict(self, response):
        page = response.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", page), page
        assert "<script>alert" not in page and "<b>login" not in page
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "unsafe" not in policy
        assert response["Cache-Control"] == "no-store"
        assert_no_secret(page)

    @override_settings(STATIC_URL="https://static.test/s/")
    def test_static_files_of_another_host_are_in_the_policy(self):
        policy = self.client.get("/checks/", **ALLOWED)["Content-Security-Policy"]
        assert "script-src https://static.test;" in policy

    def test_without_scripts_the_form_gives_the_whole_page_worst_first(self):
        fake_native.put(
            found("cas.login", "CAS login", "failed", "HTTP 500", hint="`call <them>` now"),
            found("time.offset", "Clock", "warning", "off"),
        )
        page = self.client.post("/checks/", **ALLOWED).content.decode()
        assert "<code>call &lt;them&gt;</code> now" in page
        places = [page.index(text) for text in ("HTTP 500", "call &lt;them", "off", "Broker connection")]
        assert places == sorted(places)
        assert "1 failed, 1 warning, 6 passed in 0.0 s" in page

    def test_a_wrong_configuration_is_told_on_the_page(self):
        fake_native.RAISES = coursys_ops.ConfigError(["broker.vhost: `br/oker p@ss%2` is none"])
        page = self.client.post("/checks/", **ALLOWED).content.decode()
        assert "broker.vhost" in page
        assert_no_secret(page)

    def test_a_section_that_there_is_not_is_404(self):
        assert self.client.get("/checks/?section=x", **ALLOWED).status_code == 404

    def test_the_mail_is_sent_by_post_only(self):
        self.client.get("/checks/?section=email&email=me@example.ca&action=email", **ALLOWED)
        assert not mail.outbox
        page = self.client.post("/checks/", {"action": "email", "email": "me@example.ca"}, **ALLOWED).content.decode()
        assert len(mail.outbox) == 1 and "Message sent to me@example.ca." in page

    def test_a_post_of_another_site_is_refused(self):
        client = Client(enforce_csrf_checks=True)
        assert client.post("/checks/", **STREAM).status_code == 403
        assert fake_native.CALLS == []

    @override_settings(COURSYS_OPS={**PERMISSION, "BASE_TEMPLATE": "coursys_ops/none.html"})
    def test_a_template_of_the_sites_own_is_asked_for(self):
        from django.template import TemplateDoesNotExist

        with self.assertRaisesMessage(TemplateDoesNotExist, "coursys_ops/none.html"):
            self.client.get("/checks/", **ALLOWED)


@override_settings(COURSYS_OPS=PERMISSION)
class Stream(Case):
    def test_events_come_as_lines_and_the_report_last(self):
        events = lines(self.client.post("/checks/", **STREAM))
        assert [event["event"] for event in events][:2] == ["run_started", "check_started"]
        assert events[-1]["event"] == "report" and events[-1]["report"]["summary"]["passed"] == 6

    def test_nothing_between_keeps_it_back(self):
        response = self.client.post("/checks/", HTTP_ACCEPT_ENCODING="gzip", **STREAM)
        assert response["X-Accel-Buffering"] == "no" and response["Content-Encoding"] == "identity"
        assert response["Content-Type"] == "application/x-ndjson"
        list(response.streaming_content)

    def test_each_event_is_there_as_soon_as_it_happens(self):
        go_on = threading.Event()
        fake_native.BEFORE = lambda ident: go_on.wait(5)
        response = self.client.post("/checks/", **STREAM)
        stream = iter(response.streaming_content)
        assert json.loads(next(stream))["event"] == "run_started"
        go_on.set()
        assert json.loads(list(stream)[-1])["event"] == "report"

    def test_a_reader_that_goes_away_cancels_the_run(self):
        seen = []

        def before(ident):
            seen.append(ident)
            time.sleep(0.05)

        fake_native.BEFORE = before
        response = self.client.post("/checks/", **STREAM)
        next(iter(response.streaming_content))
        response.close()
        time.sleep(0.1)
        assert len(seen) < len(fake_native.CHECKS)
        assert not [thread for thread in threading.enumerate() if thread.name == "coursys-ops-panel"]

    def test_a_wrong_configuration_is_the_last_line(self):
        fake_native.RAISES = coursys_ops.ConfigError(["broker.vhost: `br/oker p@ss%2` is none"])
        (event,) = lines(self.client.post("/checks/", **STREAM))
        assert event["event"] == "error" and "broker.vhost" in event["message"]
        assert_no_secret(event)

    def test_whatever_breaks_is_told_and_not_silence(self):
        fake_native.BEFORE = mock.Mock(side_effect=ZeroDivisionError("ours"))
        events = lines(self.client.post("/checks/", **STREAM))
        assert events[-1] == {"event": "error", "message": "ZeroDivisionError: ours"}
