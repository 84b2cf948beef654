"""The checks that only Django can make find what they are for."""

import unittest
from unittest import mock

from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from harness import Case, coursys_ops, fake_native, override_settings
from panel_site.models import Offering
from panel_site.settings import HAS_BIT_FIELDS, HAS_SEARCH

from coursys_ops.django import checks, library, panel, sanity, search, shared_cache


def shown(*findings):
    return [(finding.status, finding.code) for finding in findings]


class WithTables(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if Offering._meta.db_table not in connection.introspection.table_names():
            call_command("migrate", run_syncdb=True, verbosity=0)

    def setUp(self):
        super().setUp()
        Offering.objects.all().delete()


@unittest.skipUnless(HAS_BIT_FIELDS, "django-bitfield is not installed")
class BitFields(WithTables):
    def test_a_table_without_rows_is_well(self):
        assert shown(checks.bit_fields()) == [("passed", "ok")]

    def test_queries_that_find_what_they_should_are_well(self):
        for flags in (0, 1, 2, 3):
            Offering.objects.create(title="x", flags=flags)
        assert shown(checks.bit_fields()) == [("passed", "ok")]
        assert panel.bitfield_check() is None

    def test_queries_that_find_nothing_are_failed(self):
        Offering.objects.create(title="x", flags=1)
        with mock.patch("django.db.models.query.QuerySet.exists", return_value=False):
            finding = checks.bit_fields()
        assert shown(finding) == [("failed", "wrong_answer")] and "panel_site.Offering.flags" in finding.message

    def test_queries_that_find_too_much_are_failed(self):
        for flags in (0, 1):
            Offering.objects.all().delete()
            Offering.objects.create(title="x", flags=flags)
            with mock.patch("django.db.models.query.QuerySet.exists", return_value=True):
                assert shown(checks.bit_fields()) == [("failed", "wrong_answer")]

    def test_no_row_is_made(self):
        checks.bit_fields()
        assert not Offering.objects.exists()

    def test_a_site_without_bit_fields_is_not_asked(self):
        with mock.patch.object(library, "bit_fields", return_value=iter(())):
            assert shown(checks.bit_fields()) == [("skipped", "not_in_layout")]


class Cache(Case):
    def test_a_text_comes_back_and_leaves_nothing(self):
        cache.clear()
        assert shown(checks.cache_unicode()) == [("passed", "ok")]
        assert not cache._cache

    def test_a_cache_that_keeps_nothing_or_changes_text_is_failed(self):
        for answer in (None, library.CACHE_TEXT.encode("latin-1", "replace").decode("latin-1")):
            with mock.patch.object(type(cache._connections["default"]), "get", return_value=answer, create=True):
                assert shown(checks.cache_unicode()) == [("failed", "mangled")]


class SharedCache(Case):
    FILES = "django.core.cache.backends.filebased.FileBasedCache"

    def look(self, backend):
        from django.conf import settings

        caches = {"default": {**settings.CACHES["default"], "BACKEND": backend}}
        variables = {"COURSYS_PANEL_SITE_CACHE": backend}
        # A machine that runs other tests, too, takes its time to start Django.
        patient = mock.patch.object(shared_cache, "TIMEOUT_S", 60)
        with mock.patch.dict("os.environ", variables), override_settings(CACHES=caches), patient:
            return checks.cache_shared()

    def test_a_cache_that_processes_share_is_well(self):
        finding = self.look(self.FILES)
        assert shown(finding) == [("passed", "ok")], finding

    def test_a_cache_of_each_process_is_found_out(self):
        finding = self.look("django.core.cache.backends.locmem.LocMemCache")
        assert shown(finding) == [("failed", "not_shared")], finding

    def test_a_cache_that_is_none_is_found_out(self):
        finding = self.look("django.core.cache.backends.dummy.DummyCache")
        assert shown(finding) == [("failed", "not_shared")], finding

    def test_a_process_that_hangs_is_killed_in_time(self):
        sleep = mock.patch.object(shared_cache, "_argv", lambda key: ["/bin/sleep", "60"])
        with sleep, mock.patch.object(shared_cache, "TIMEOUT_S", 0.5):
            finding = checks.cache_shared()
        assert shown(finding) == [("unknown", "helper_failed")] and "0.5 s" in finding.message

    def test_a_process_that_fails_is_told(self):
        with mock.patch.object(shared_cache, "_argv", lambda key: ["/bin/false"]):
            assert "status 1" in checks.cache_shared().message

    def test_no_secret_is_in_its_environment(self):
        variables = {"COURSYS_DB_PASSWORD": "s3cret", "COURSYS_DIR": "/coursys", "UNKNOWN": "x"}
        with mock.patch.dict("os.environ", variables):
            environment = shared_cache._environment()
        assert environment["COURSYS_DIR"] == "/coursys"
        assert "COURSYS_DB_PASSWORD" not in environment and "UNKNOWN" not in environment


@unittest.skipUnless(HAS_SEARCH, "haystack or Whoosh is not installed")
class Search(WithTables):
    """Through a real Whoosh index in a directory, as in development."""

    def fill(self, rows, indexed):
        for number in range(rows):
            Offering.objects.create(title=f"CMPT {number}")
        call_command("rebuild_index", interactive=False, verbosity=0)
        extra = indexed - rows
        for number in range(-extra if extra < 0 else 0):
            from haystack import connections

            connections["default"].get_backend().remove(Offering.objects.order_by("pk")[number])

    def test_what_is_there_is_found(self):
        self.fill(3, 3)
        finding = search.query()
        assert shown(finding) == [("passed", "ok")] and "3 hits" in finding.message

    def test_an_index_that_finds_nothing_is_failed(self):
        self.fill(0, 0)
        assert shown(search.query()) == [("failed", "no_hits")]

    def test_a_complete_index_is_well(self):
        self.fill(3, 3)
        assert shown(*search.count()) == [("passed", "ok")]

    def test_an_empty_index_of_a_full_table_is_failed(self):
        self.fill(0, 0)
        Offering.objects.create(title="CMPT")
        assert shown(*search.count()) == [("failed", "empty")]

    def test_half_an_index_is_a_warning_and_a_few_rows_are_none(self):
        assert shown(search._judged("b", "m", 500, 1000)) == [("warning", "incomplete")]
        assert shown(search._judged("b", "m", 990, 1000)) == [("passed", "ok")]
        assert shown(search._judged("b", "m", 1200, 1000)) == [("warning", "incomplete")]
        assert shown(search._judged("b", "m", 0, 0)) == [("passed", "ok")]

    def test_a_backend_that_breaks_is_heard(self):
        from haystack.backends.whoosh_backend import WhooshSearchBackend

        with mock.patch.object(WhooshSearchBackend, "search", side_effect=OSError("no index")):
            with self.assertRaises(OSError):
                search.query()


@unittest.skipUnless(HAS_BIT_FIELDS and HAS_SEARCH, "django-bitfield, haystack or Whoosh is not installed")
class InARun(WithTables):
    """As registered checks among the others, each in a thread of its own."""

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
