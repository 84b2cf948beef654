"""The checks of the cache that only Django can make find what they are for."""

from unittest import mock

from django.core.cache import cache
from harness import Case, override_settings, shown

from coursys_ops.django import checks, library, shared_cache


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
