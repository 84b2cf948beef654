#!/usr/bin/env python
"""Make the fixture site ready: directories, tables, rows, search index. Running it again changes nothing.

    python setup_site.py

Reads `fixture.json` beside this file. Needs database, broker, cache and search; mail and time are for the checks only.
Exit status: 0 the site is ready; 1 a step failed (standard error says which one and why); 2 `fixture.json` is unusable.
"""

import os
import socket
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

# Seconds that a server may take to accept a connection: all of them are on this machine or near it.
CONNECT_TIMEOUT_S = 5

COLLATION = "utf8mb4_unicode_ci"


class SetupError(Exception):
    """A step failed; the text says what is wrong and with which server."""


def reach(name: str, host: str | None, port: int | None, unix_socket: str | None = None) -> None:
    """Connect and hang up again: the plainest message for a server that is not there."""
    where = unix_socket or f"{host} port {port}"
    try:
        if unix_socket:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(CONNECT_TIMEOUT_S)
                connection.connect(unix_socket)
        else:
            socket.create_connection((host, port), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise SetupError(f"{name} does not answer at {where}: {error.strerror or error}") from error


def reach_all(fixture: dict) -> str:
    """The four servers that the set-up and the site's processes need."""
    for name in ("database", "broker", "cache"):
        section = fixture[name]
        reach(name, section.get("host"), section.get("port"), section.get("socket"))
    url = urlsplit(fixture["search"]["url"])
    reach("search", url.hostname, url.port or {"http": 80, "https": 443}[url.scheme])
    return "database, broker, cache and search accept connections"


def make_directories(fixture: dict) -> str:
    for path in fixture["paths"].values():
        Path(path).mkdir(parents=True, exist_ok=True)
    return ", ".join(sorted(fixture["paths"].values()))


def log_in_to_broker() -> str:
    from site_fixture import celery_app

    with celery_app.connection_for_write(connect_timeout=CONNECT_TIMEOUT_S) as connection:
        connection.connect()
        return f"logged in, vhost {connection.virtual_host}"


def try_cache() -> str:
    from django.core.cache import cache

    cache.set("setup-site", "é", 10)
    if cache.get("setup-site") != "é":
        raise SetupError("a value that was set cannot be read back")
    cache.delete("setup-site")
    return "a value was set, read back and deleted"


def make_tables() -> str:
    from django.core.management import call_command
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT @@collation_database, @@version")
        collation, version = cursor.fetchone()
    if collation != COLLATION:
        raise SetupError(f"the database has the collation {collation}; create it with {COLLATION}")
    call_command("migrate", interactive=False, verbosity=0)
    return f"{len(connection.introspection.table_names())} tables in {version}"


def collect_static_files() -> str:
    from django.conf import settings
    from django.core.management import call_command

    from site_fixture import compress

    call_command("collectstatic", interactive=False, verbosity=0)
    return f"collected into {settings.STATIC_ROOT}, {compress.compress()}"


def make_rows(fixture: dict) -> str:
    from coredata.seed import seed

    tables = seed(date.today(), fixture.get("photo_password", ""))
    return ", ".join(f"{table} {rows}" for table, rows in tables.items())


def make_dumps() -> str:
    from coredata import dump

    there = len(list(dump.path(datetime.now()).parent.glob("*.dump.gz")))
    if there:
        return f"{there} were there"
    now = datetime.now()
    # As the real site would have made them: one every three hours.
    return ", ".join(dump.write(now - timedelta(hours=age)).name for age in (3, 0))


def make_index() -> str:
    from haystack.query import SearchQuerySet

    from coredata import search

    documents = search.rebuild()
    hits = SearchQuerySet().filter(text="cmpt").count()
    if hits == 0:
        raise SetupError(f"{documents} documents went in, but a search for cmpt finds none")
    return f"{documents} documents, {hits} of them found by cmpt"


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_fixture.settings")
    from site_fixture import wiring

    try:
        fixture = wiring.load(Path(__file__).resolve().parent / "fixture.json")
    except wiring.FixtureError as error:
        print(f"setup_site: {error}", file=sys.stderr)
        return 2

    def start_django() -> str:
        import django

        django.setup()
        return f"Django {django.get_version()}"

    steps = (
        ("servers", lambda: reach_all(fixture)),
        ("directories", lambda: make_directories(fixture)),
        ("django", start_django),
        ("broker", log_in_to_broker),
        ("cache", try_cache),
        ("tables", make_tables),
        ("static files", collect_static_files),
        ("rows", lambda: make_rows(fixture)),
        ("dumps", make_dumps),
        ("search index", make_index),
    )
    for name, step in steps:
        try:
            print(f"{name}: {step()}", flush=True)
        except Exception as error:  # Whatever a client library raises: people want the step and the reason.
            print(f"setup_site: {name}: {type(error).__name__}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
