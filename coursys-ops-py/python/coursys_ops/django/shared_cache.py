"""Whether two processes of the site have one cache: a second one changes what this one stored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid

from coursys_ops import Finding

from .mask import is_secret_name

#: Seconds that the other process may take: a real site needs three to start.
TIMEOUT_S = 6.0

#: Seconds that the value outlives a process that was killed.
CACHE_SECONDS = 60

#: The key that the site's own command has always used; ours is given to the other process.
KEY = "check_things_cache_test"

#: What the other process inherits by name, secrets excepted.
_INHERITED = ("PATH", "HOME", "LANG", "DJANGO_SETTINGS_MODULE", "TZ")
_PREFIXES = ("COURSYS_", "LC_", "PYTHON")


def look() -> Finding:
    """Stores a number, lets another process add one to it, and reads it back."""
    from django.core.cache import cache

    key = f"coursys-ops-{uuid.uuid4().hex}"
    cache.set(key, 1, CACHE_SECONDS)
    try:
        problem = _add_one_elsewhere(key)
        found = cache.get(key)
    finally:
        cache.delete(key)
    if problem:
        hint = "call `manage.py check_things --cache_subcall` and read what it says"
        return Finding.unknown(problem, hint, code="helper_failed")
    if found == 2:
        return Finding.passed("two processes of the site have one cache")
    if found is None:
        hint = "see which backend CACHES names in the settings"
        return Finding.failed("the cache kept nothing", hint, code="not_shared")
    hint = "name a cache that processes share in CACHES: dummy and local ones are for development"
    return Finding.failed("another process of the site does not see this one's cache", hint, code="not_shared")


def add_one(key: str = KEY) -> None:
    """What the other process does: adds one, so that its parent can tell that both saw the same value."""
    from django.core.cache import cache

    cache.set(key, cache.get(key, -100) + 1, CACHE_SECONDS)


def _add_one_elsewhere(key: str) -> str:
    """Runs the other process; returns what went wrong, or nothing."""
    with subprocess.Popen(  # noqa: S603 (an argument vector of our own, no shell)
        _argv(key),
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        start_new_session=True,
    ) as child:
        try:
            status = child.wait(TIMEOUT_S)
        except BaseException as error:
            # The whole group: the site's settings may have started something.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                return f"another process of the site did not end within {TIMEOUT_S:g} s"
            raise
    return f"another process of the site ended with status {status}" if status else ""


def _argv(key: str) -> list[str]:
    return [sys.executable, "-m", "django", "check_things", "--cache_subcall", "--cache_key", key]


def _environment() -> dict[str, str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or (name.startswith(_PREFIXES) and not is_secret_name(name))
    }
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return environment
