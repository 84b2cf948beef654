"""The health view is fit for a probe that asks twice a minute, and for strangers."""

import json
import types
from unittest import mock

from harness import Case, assert_no_secret, coursys_ops, fake_native, override_settings

from coursys_ops.django import health

found = fake_native.found
BROKEN = found("broker.connection", "Broker", "failed", "nothing listens on broker.test:5672", tier="sanity")


class Health(Case):
    def test_a_healthy_site_answers_200_in_a_word(self):
        response = self.client.get("/checks/health")
        assert (response.status_code, response.content) == (200, b"healthy\n")
        assert response["Content-Type"].startswith("text/plain") and "no-store" in response["Cache-Control"]

    def test_json_for_who_asks_for_it(self):
        for ask in ({"headers": None, "query": "?format=json"}, {"headers": "application/json", "query": ""}):
            headers = {"HTTP_ACCEPT": ask["headers"]} if ask["headers"] else {}
            response = self.client.get("/checks/health" + ask["query"], **headers)
            assert response.json()["status"] == "healthy" and response.json()["celery_res"] is True

    def test_what_is_broken_is_named_and_strangers_are_told_no_more(self):
        fake_native.put(BROKEN)
        response = self.client.get("/checks/health?format=json")
        assert response.status_code == 503
        assert response.json() == {
            "schema": 1,
            "status": "unhealthy",
            "checks": [{"id": "broker.connection", "status": "failed", "code": "refused"}],
        }

    @override_settings(COURSYS_OPS={"PERMISSION": "panel_site.hooks.is_sysadmin"})
    def test_who_may_see_the_panel_is_told_why(self):
        fake_native.put(BROKEN)
        response = self.client.get("/checks/health", HTTP_X_ROLE="SYSA")
        assert b"failed broker.connection (refused): nothing listens on broker.test:5672" in response.content

    def test_the_answer_is_repeated_for_a_while_and_then_looked_for_anew(self):
        self.client.get("/checks/health")
        fake_native.put(BROKEN)
        assert self.client.get("/checks/health").status_code == 200
        assert len(fake_native.CALLS) == 1
        with override_settings(COURSYS_OPS={"HEALTH_MAX_AGE": 0}):
            assert self.client.get("/checks/health").status_code == 503

    @override_settings(COURSYS_OPS={"HEALTH_STATUS": 404, "HEALTH_DEADLINE": 2})
    def test_status_and_deadline_are_options(self):
        fake_native.put(BROKEN)
        assert self.client.get("/checks/health").status_code == 404
        assert fake_native.CALLS[0]["deadline"] == 2.0

    def test_no_mail_goes_to_the_administrators_for_each_probe(self):
        fake_native.put(BROKEN)
        with mock.patch("django.utils.log.request_logger.error") as error:
            self.client.get("/checks/health")
        error.assert_not_called()

    def test_a_wrong_configuration_is_unhealthy_and_tells_no_secret(self):
        fake_native.RAISES = coursys_ops.ConfigError(["broker.vhost: `br/oker p@ss%2` is none"])
        with self.assertLogs("coursys_ops.django.health", "WARNING") as logged:
            response = self.client.get("/checks/health")
        assert response.status_code == 503 and response.content == b"unhealthy\n"
        assert "broker.vhost" in logged.output[0]
        assert_no_secret(logged.output)
        reason = health.look(60).reason
        assert "broker.vhost" in reason
        assert_no_secret(reason)

    def test_whatever_is_raised_is_unhealthy(self):
        broken = mock.patch.object(health, "health_check", side_effect=ZeroDivisionError("x"))
        with broken, self.assertLogs("coursys_ops.django.health", "WARNING"):
            assert self.client.get("/checks/health").status_code == 503

    @override_settings(COURSYS_OPS={"HEALTH_CHECKS": ["broker.conection"]})
    def test_a_check_that_there_is_not_is_unhealthy(self):
        with self.assertLogs("coursys_ops.django.health", "WARNING"):
            assert self.client.get("/checks/health").status_code == 503
        assert "did you mean `broker.connection`" in health.look(60).reason

    @override_settings(COURSYS_OPS={"PERMISSION": "panel_site.hooks.is_sysadmin"})
    def test_a_database_without_units_is_told_to_who_may_see_it(self):
        model = types.SimpleNamespace(objects=types.SimpleNamespace(count=lambda: 0))
        with mock.patch("django.apps.apps.get_model", return_value=model):
            response = self.client.get("/checks/health", HTTP_X_ROLE="SYSA")
        assert response.status_code == 503 and b"holds no units" in response.content

    def test_nobody_is_asked_for_while_the_database_hangs(self):
        gone = found("database.connection", "Database", "failed", "no answer", tier="sanity", code="timeout")
        for broken in (gone, {**gone, "id": "cache.connection"}):
            fake_native.reset()
            fake_native.put(broken)
            health._last = None
            with mock.patch("django.contrib.auth.middleware.get_user") as asked:
                response = self.client.get("/checks/health")
            assert response.content.decode() == f"unhealthy\nfailed {broken['id']} (timeout)\n"
            asked.assert_not_called()

    def test_it_answers_when_nobody_can_tell_who_asks(self):
        fake_native.put(BROKEN)
        with mock.patch("django.contrib.auth.middleware.get_user", side_effect=OSError("the database is down")):
            response = self.client.get("/checks/health")
        assert response.status_code == 503 and b"broker.connection" in response.content

    def test_head_and_no_post(self):
        assert self.client.head("/checks/health").status_code == 200
        assert self.client.post("/checks/health").status_code == 405

    def test_json_and_text_agree(self):
        fake_native.put(BROKEN)
        document = json.loads(self.client.get("/checks/health?format=json").content)
        text = self.client.get("/checks/health").content.decode()
        assert text == health.as_text(document)
