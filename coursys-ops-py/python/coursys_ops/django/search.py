"""What haystack finds, through whatever backend the site has: a server, or a directory in development."""

from __future__ import annotations

from typing import Any

from coursys_ops import Finding

from . import conf

#: The share of the rows that may be missing: the index is filled by a task, some minutes after the database.
MAX_MISSING = 0.05

#: Rows that may be missing whatever their share is: small sites change by more than a twentieth in a minute.
MAX_MISSING_ROWS = 20

_FILL = "fill it with `manage.py update_index`, or make it anew with `manage.py rebuild_index`"
_NO_HAYSTACK = "the site has no haystack"


def query() -> Finding:
    """Searches for the word that the configuration says every filled index finds."""
    if not _has_haystack():
        return Finding.skipped(_NO_HAYSTACK)
    word = conf.search_word()
    with _Loud() as backend:
        from haystack.query import SearchQuerySet

        hits = SearchQuerySet().filter(text=word).count()
    if not hits:
        return Finding.failed(f"{backend} finds nothing for `{word}`", _FILL, code="no_hits")
    return Finding.passed(f"{backend} has {hits} hits for `{word}`")


def count() -> list[Finding]:
    """Compares index and database, model by model."""
    if not _has_haystack():
        return [Finding.skipped(_NO_HAYSTACK)]
    with _Loud() as backend:
        counts = _counts()
    if not counts:
        return [Finding.skipped("no model of the site is indexed")]
    return [_judged(backend, label, indexed, rows) for label, (indexed, rows) in sorted(counts.items())]


def _judged(backend: str, label: str, indexed: int, rows: int) -> Finding:
    told = f"{indexed} of {rows} rows are in the index of {backend}"
    missing = rows - indexed
    if rows and not indexed:
        return Finding.failed(told, _FILL, code="empty", subject=label)
    if abs(missing) > max(MAX_MISSING_ROWS, MAX_MISSING * rows):
        hint = _FILL if missing > 0 else "it holds rows that are gone: `manage.py update_index --remove`"
        return Finding.warning(told, hint, code="incomplete", subject=label)
    return Finding.passed(told, subject=label)


def _counts() -> dict[str, tuple[int, int]]:
    from haystack import connections
    from haystack.query import SearchQuerySet

    found = {}
    index = connections["default"].get_unified_index()
    for model in index.get_indexed_models():
        rows = index.get_index(model).index_queryset(using="default").count()
        found[model._meta.label] = (SearchQuerySet().models(model).count(), rows)
    return found


def _has_haystack() -> bool:
    from django.apps import apps

    return apps.is_installed("haystack")


class _Loud:
    """While it lasts, this thread's search backend raises what goes wrong, where it would log it and find nothing.

    haystack keeps a backend for each thread, and each check has a thread of its own.
    """

    def __enter__(self) -> str:
        from haystack import connections

        self._backend: Any = connections["default"].get_backend()
        self._silently = getattr(self._backend, "silently_fail", True)
        self._backend.silently_fail = False
        return f"`{type(self._backend).__name__}`"

    def __exit__(self, *_: Any) -> None:
        self._backend.silently_fail = self._silently
