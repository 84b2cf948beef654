"""Django's system check: `manage.py check` makes the checks of tier sanity, where the settings ask for it."""

from __future__ import annotations

from typing import Any

from django.core import checks

import coursys_ops

from . import conf
from .mask import Mask
from .sanity import NOT_RUN, run, worst

TAG = "coursys_ops"

_MESSAGES = {"failed": (checks.Error, "E001"), "unknown": (checks.Error, "E002"), "warning": (checks.Warning, "W001")}


def register() -> None:
    """Adds it to Django's own."""
    checks.register(sanity, TAG)


def sanity(app_configs: Any = None, **kwargs: Any) -> list[checks.CheckMessage]:
    """One message for each check that is not well. Nothing is raised, whatever is down."""
    mask = Mask.of_settings()
    try:
        report = run("sanity", deadline=conf.options().system_check_deadline).to_dict()
    except coursys_ops.Error as error:
        return [checks.Error(mask.text(error), obj=NOT_RUN, id=f"{TAG}.E000")]
    messages = []
    for check in report["checks"]:
        if check["status"] in _MESSAGES:
            kind, number = _MESSAGES[check["status"]]
            found = worst(check)
            hint = mask.text(found["hint"]) if found["hint"] else None
            messages.append(kind(mask.text(found["message"]), hint=hint, obj=check["id"], id=f"{TAG}.{number}"))
    return messages
