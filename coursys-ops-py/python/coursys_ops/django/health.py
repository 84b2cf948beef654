"""The health view: for Docker's HEALTHCHECK, load balancers, and whoever may see more."""

from __future__ import annotations

import logging
import time
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import View

import coursys_ops

from . import access, conf
from .mask import Mask
from .sanity import Unhealthy, health_check, worst

#: The checks of what sessions may be kept in.
SESSIONS = ("database.connection", "cache.connection")

HEALTHY, UNHEALTHY = "healthy", "unhealthy"

_log = logging.getLogger(__name__)


class _Answer(NamedTuple):
    """What was found, when, and for which settings."""

    at: float
    healthy: bool
    facts: dict[str, Any]
    reason: str
    report: dict[str, Any] | None


_last: _Answer | None = None


def look(max_age: float) -> _Answer:
    """Whether the site is healthy, at most `max_age` seconds ago. One process of the site remembers one answer."""
    global _last
    now = time.monotonic()
    if _last is not None and 0 <= now - _last.at < max_age:
        return _last
    try:
        answer = _Answer(now, True, health_check(), "", None)
    except Unhealthy as error:
        report = error.report.to_dict() if error.report is not None else None
        answer = _Answer(now, False, {}, str(error), report)
    except Exception as error:  # noqa: BLE001 (whatever it is, the site is not healthy, and the probe hears it)
        kind = "" if isinstance(error, coursys_ops.Error) else f"{type(error).__name__}: "
        answer = _Answer(now, False, {}, Mask.of_settings().text(f"{kind}{error}"), None)
        # Without a report nobody who asks can be told: whether it may be asked who asks is in there.
        _log.warning("health could not be looked at: %s", answer.reason)
    _last = answer
    return answer


@method_decorator(never_cache, name="dispatch")
class HealthView(View):
    """200 when the site does its work, else `HEALTH_STATUS`; plain text, or JSON for who asks for it.

    Strangers are told which checks are not well and with which code; messages, which name hosts, are for those who may
    see the panel.
    """

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        """Looks, or repeats an answer that is young enough."""
        options = conf.options()
        answer = look(options.health_max_age)
        status = 200 if answer.healthy else options.health_status
        document = self.document(answer, whole=may_be_asked(answer) and access.is_permitted(request))
        if wants_json(request):
            response: HttpResponse = JsonResponse(document, status=status)
        else:
            response = HttpResponse(as_text(document), status=status, content_type="text/plain; charset=utf-8")
        # Django mails administrators each answer from 500 on; a probe asks twice a minute, and its owner is told.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    @staticmethod
    def document(answer: _Answer, whole: bool) -> dict[str, Any]:
        """The answer as JSON has it."""
        document: dict[str, Any] = {"schema": 1, "status": HEALTHY if answer.healthy else UNHEALTHY}
        if answer.healthy:
            document.update(answer.facts)
            return document
        checks = answer.report["checks"] if answer.report else []
        document["checks"] = [_told(check, whole) for check in checks if check["status"] in ("failed", "unknown")]
        if whole:
            document["reason"] = answer.reason
        return document


def may_be_asked(answer: _Answer) -> bool:
    """Whether it can be asked who asks: where sessions are kept must answer, or the probe would hang with it."""
    if answer.report is None:
        return False
    status = {check["id"]: check["status"] for check in answer.report["checks"]}
    return all(status.get(ident) in ("passed", "warning", "skipped") for ident in SESSIONS)


def wants_json(request: HttpRequest) -> bool:
    """Whether JSON was asked for: `?format=json`, or by the header."""
    wanted = request.GET.get("format")
    return wanted == "json" if wanted else "application/json" in request.headers.get("Accept", "")


def as_text(document: dict[str, Any]) -> str:
    """The same for people: the status on the first line, then what is not well."""
    lines = [document["status"]]
    for check in document.get("checks", ()):
        message = f": {check['message']}" if "message" in check else ""
        lines.append(f"{check['status']} {check['id']} ({check['code']}){message}")
    if not document.get("checks") and "reason" in document:
        lines.append(document["reason"])
    return "\n".join(lines) + "\n"


def _told(check: dict[str, Any], whole: bool) -> dict[str, Any]:
    found = worst(check)
    told = {"id": check["id"], "status": check["status"], "code": found["code"]}
    if whole:
        told["message"] = Mask.of_settings().text(found["message"])
    return told
