"""Starts Django for the tests, on the fake native half unless `COURSYS_TEST_NATIVE=1` asks for the real one."""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def start():
    """Makes `coursys_ops` and Django ready; again does no harm."""
    package = str(HERE.parents[1] / "python")
    for path in (str(HERE), package):
        if path not in sys.path:
            sys.path.insert(0, path)
    if os.environ.get("COURSYS_TEST_NATIVE") != "1":
        import fake_native

        fake_native.install()
        # So that processes that this one starts do the same; first, because Debian's Python has a `sitecustomize`, too.
        sys.path.insert(0, str(HERE / "child"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel_site.settings")
    if "COURSYS_PANEL_SITE_STATE" not in os.environ:
        os.environ["COURSYS_PANEL_SITE_STATE"] = state = tempfile.mkdtemp(prefix="panel-site-")
        atexit.register(shutil.rmtree, state, ignore_errors=True)
    import django
    from django.test.utils import setup_test_environment

    django.setup()
    setup_test_environment()


start()

import fake_native  # noqa: E402
from django.test import SimpleTestCase, override_settings  # noqa: E402

import coursys_ops  # noqa: E402

__all__ = ["Case", "SimpleTestCase", "assert_no_secret", "coursys_ops", "fake_native", "override_settings", "shown"]


class Case(SimpleTestCase):
    """A test on a site on which all is well."""

    databases = "__all__"

    def setUp(self):
        from coursys_ops.django import conf, health

        fake_native.reset()
        conf._config = None
        health._last = None


def shown(*findings):
    """Status and code of each finding."""
    return [(finding.status, finding.code) for finding in findings]


def assert_no_secret(text):
    """No secret of the site is in the text, in no encoding."""
    import base64
    import html
    import json
    from urllib.parse import quote

    from panel_site.settings import SECRETS

    shown = str(text)
    for secret in SECRETS:
        raw = base64.b64encode(secret.encode()).decode().rstrip("=")
        forms = {secret, quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1], raw}
        for form in forms:
            assert form not in shown, f"{form!r} is in {shown[:2000]!r}"
