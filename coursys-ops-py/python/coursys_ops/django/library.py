"""How the libraries of the site behave: bit-fields in queries, and text in the cache."""

from __future__ import annotations

import uuid
from typing import Any, Iterator

#: Outside Latin-1, and outside the Basic Multilingual Plane: what clients of memcached have mangled before.
CACHE_TEXT = "\u2021 \U0001f600 caf\u00e9"

#: Seconds that a value outlives an interrupted probe.
CACHE_SECONDS = 30


def bit_fields() -> Iterator[tuple[Any, Any]]:
    """Every model with a bit-field of django-bitfield, and the field."""
    from django.apps import apps

    for model in apps.get_models():
        for field in model._meta.local_fields:
            if type(field).__name__ == "BitField" and hasattr(field, "flags"):
                yield model, field


def bitfield_check() -> str | None:
    """What is wrong with queries of bit-fields; `None` when they do what the site relies on.

    django-bitfield does not claim to work with MySQL. The site asks for rows in which the first flag is set, or not,
    and that must find a row with this flag alone, and no row without flags. Rows that do not exist are not made.
    """
    for model, field in bit_fields():
        name = field.name
        first = getattr(getattr(model, name), next(iter(field.flags)))
        rows = model._default_manager
        label = f"{model._meta.label}.{name}"
        alone = rows.filter(**{name: 1}).values_list("pk", flat=True).first()
        if alone is not None:
            if not rows.filter(**{name: first}, pk=alone).exists():
                return f"Bitfield set-bit query not finding what it should ({label})."
            if rows.filter(**{name: ~first}, pk=alone).exists():
                return f"Bitfield negated-bit query finding what it should not ({label})."
        without = rows.filter(**{name: 0}).values_list("pk", flat=True).first()
        if without is not None and rows.filter(**{name: first}, pk=without).exists():
            return f"Bitfield set-bit query finding what it should not ({label})."
    return None


def cache_check() -> str | None:
    """What is wrong with text in Django's cache; `None` when it comes back as it was."""
    from django.core.cache import cache

    key = f"coursys-ops-{uuid.uuid4().hex}"
    cache.set(key, CACHE_TEXT, CACHE_SECONDS)
    try:
        found = cache.get(key)
    finally:
        cache.delete(key)
    if found is None:
        return "the cache kept nothing"
    if found != CACHE_TEXT:
        return "the cache changes text that is not ASCII"
    return None
