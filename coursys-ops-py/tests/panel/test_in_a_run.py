"""What only Django can check is in the one report, each check in a thread of its own."""

from unittest import mock

from tables import Offering, WithTables, call_command, coursys_ops, fake_native

from coursys_ops.django import checks, sanity, shared_cache


class InARun(WithTables):
    def test_all_of_them_are_in_the_one_report(self):
        Offering.objects.create(title="CMPT", flags=1)
        call_command("rebuild_index", interactive=False, verbosity=0)
        fake_native.RUN_REGISTERED = True
        with mock.patch.object(shared_cache, "TIMEOUT_S", 60):
            report = sanity.run()
        status = {check.id: check.status for check in report if check.id.startswith("django.")}
        assert status == {
            "django.bitfield": "passed",
            "django.cache.shared": "failed",
            "django.cache.unicode": "passed",
            "django.search.count": "passed",
            "django.search.query": "passed",
        }, report

    def test_registering_again_does_no_harm(self):
        before = coursys_ops.registered_checks()
        checks.register_all()
        assert coursys_ops.registered_checks() == before
