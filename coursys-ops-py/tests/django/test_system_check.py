"""The system check is opt-in and fast."""

from unittest import mock

from django.core import checks
from harness import Case, assert_no_secret, coursys_ops, fake_native

from coursys_ops.django import system_check

found = fake_native.found


class SystemCheck(Case):
    def test_it_is_not_there_unless_asked_for(self):
        assert system_check.TAG not in checks.registry.registry.tags_available()

    def test_what_fails_is_an_error_with_its_hint(self):
        fake_native.put(
            found("broker.connection", "Broker", "failed", "nothing listens", hint="start it", tier="sanity"),
            found("cache.connection", "Cache", "warning", "old", hint="update it", tier="sanity"),
            found("cas.login", "CAS", "failed"),
        )
        messages = system_check.sanity()
        assert messages == [
            checks.Error("nothing listens", hint="start it", obj="broker.connection", id="coursys_ops.E001"),
            checks.Warning("old", hint="update it", obj="cache.connection", id="coursys_ops.W001"),
        ]
        assert fake_native.CALLS[0]["tier"] == "sanity" and fake_native.CALLS[0]["deadline"] == 5.0

    def test_a_wrong_configuration_is_an_error_without_secrets(self):
        fake_native.RAISES = coursys_ops.ConfigError(["`br/oker p@ss%2`"])
        (message,) = system_check.sanity()
        assert message.id == "coursys_ops.E000"
        assert_no_secret(message)

    def test_the_option_registers_it(self):
        with mock.patch.object(checks, "register") as register:
            system_check.register()
        register.assert_called_once_with(system_check.sanity, system_check.TAG)
