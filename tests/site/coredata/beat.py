"""The marker by which one sees that Celery beat lives."""

from __future__ import annotations

import time

from django.db import transaction

from .models import Unit

KEY = "celery-beat-time"


def store() -> None:
    """Store the current unix time, whole seconds; the row is locked, so that other keys of its JSON survive."""
    with transaction.atomic():
        unit = Unit.objects.select_for_update().get(slug="univ")
        unit.config[KEY] = int(time.time())
        unit.save(update_fields=["config"])


def age() -> float | None:
    """Seconds since the marker was stored; None if it never was."""
    stored = Unit.objects.get(slug="univ").config.get(KEY)
    return None if stored is None else time.time() - stored
