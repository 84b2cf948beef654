"""The checks that only Django can make, registered beside the others: same deadlines, needs and report.

They look through the site's own settings, models and backends, so they also find what a look from outside cannot: a
cache that every process has for itself, a search backend that is a directory, bit-fields that the database misreads.
"""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import coursys_ops
from coursys_ops import Finding

from . import library, search, shared_cache

#: Seconds that these may take. What they need comes before, and all of it is to be done within a run's deadline.
TIMEOUT_S = 3.0


def bit_fields() -> Finding:
    """Asks for rows whose first flag is set, and not set, in each model with a bit-field, and looks what is found.

    django-bitfield does not claim to work with MySQL; what the site relies on has always worked, and this sees to it
    that it still does after an update. Nothing is written.
    """
    models = [model._meta.label for model, _ in library.bit_fields()]
    if not models:
        return Finding.skipped("no model has a bit-field")
    problem = library.bitfield_check()
    if problem:
        hint = "go back to the django-bitfield of before, and compare release notes"
        return Finding.failed(problem, hint, code="wrong_answer")
    return Finding.passed(f"the bit-fields of {', '.join(models)} are asked for as they should be")


def cache_unicode() -> Finding:
    """Stores a text with characters of every length in Django's cache, reads it back and removes it.

    A client library of memcached once mangled what was not ASCII; names of students are in cached pages.
    """
    problem = library.cache_check()
    if problem:
        hint = "look which cache backend the settings name, and which client library it uses"
        return Finding.failed(problem, hint, code="mangled")
    return Finding.passed("a text came back from Django's cache as it was")


def cache_shared() -> Finding:
    """Starts a second Django process, which adds one to a value that this one stored in the cache.

    With a cache that each process has for itself, as in development, sessions are lost and locks hold nobody.
    """
    return shared_cache.look()


def search_query() -> Finding:
    """Searches for the word `search.query` as the site's pages do, through haystack and whatever backend it has."""
    return search.query()


def search_count() -> list[Finding]:
    """Counts what the search index holds of each model and compares it with what the site says belongs there.

    A rebuild that was interrupted leaves an index that answers, and finds half of the courses.
    """
    return search.count()


class Registration(NamedTuple):
    """What the runner is told of a check."""

    ident: str
    title: str
    look: Callable[[], Any]
    needs: tuple[str, ...]
    effects: str = "none"
    tier: str = "deploy"
    timeout: float = TIMEOUT_S


CHECKS = [
    Registration("django.bitfield", "Bit-field queries", bit_fields, ("database.connection",)),
    Registration(
        "django.cache.unicode", "Django's cache keeps any text", cache_unicode, ("cache.connection",), "self_cleaning"
    ),
    Registration(
        "django.cache.shared",
        "Django's cache is shared",
        cache_shared,
        ("cache.connection",),
        "self_cleaning",
        "slow",
        shared_cache.TIMEOUT_S + 0.5,
    ),
    Registration(
        "django.search.query", "Search through haystack", search_query, ("search.connection", "database.connection")
    ),
    Registration("django.search.count", "Search index is complete", search_count, ("django.search.query",)),
]


def register_all() -> None:
    """Registers the checks that are not registered yet."""
    known = coursys_ops.registered_checks()
    for check in CHECKS:
        if check.ident not in known:
            coursys_ops.register_check(
                check.ident,
                check.title,
                check.needs,
                check.timeout,
                tier=check.tier,
                effects=check.effects,
                hint="read the site's log: a library of the site did not come back",
            )(check.look)
