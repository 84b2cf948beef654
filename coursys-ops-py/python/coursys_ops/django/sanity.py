"""The checks in the shapes that the site's `panel.py` has had: pairs of label and message, or an exception."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Iterable, List, Tuple

import coursys_ops

from . import conf
from .mask import Mask

Pairs = List[Tuple[str, str]]

#: The label of what kept the checks from running at all.
NOT_RUN = "Deployment checks"


class Unhealthy(Exception):
    """The site does not do its work; the text says why, and `report` is the whole of it."""

    def __init__(self, message: str, report: Any = None) -> None:
        super().__init__(message)
        self.report = report


def run(
    tier: str | None = None,
    only: Iterable[str] | None = None,
    deadline: float | None = None,
    on_event: Any = None,
) -> Any:
    """One run with what the settings say; returns its `coursys_ops.Report`."""
    options = conf.options()
    return coursys_ops.check(
        conf.config(),
        tier=tier or options.tier,
        only=None if only is None else list(only),
        skip=list(options.skip) or None,
        deadline=options.deadline if deadline is None else deadline,
        on_event=on_event,
    )


def sanity_checks() -> tuple[Pairs, Pairs]:
    """What must work before a web server or a worker is started: what passed, and what failed."""
    return _pairs("sanity")


def deploy_checks(request: Any = None) -> tuple[Pairs, Pairs]:
    """Everything that a finished deployment shows: what passed, and what failed."""
    return _pairs(None)


def health_check() -> dict[str, Any]:
    """A few facts of a healthy site; raises `Unhealthy` with the reason when it is not.

    `celery_res` is `None` for a site without Celery, `search_res` says whether a search finds something.
    """
    report = healthy_report()
    status = {check["id"]: check["status"] for check in report.to_dict()["checks"]}
    return {
        "units": _units(),
        "celery_res": _passed(status, "celery.queue."),
        "cache": "ok" if _passed(status, "cache.") is not None else "none",
        "search_res": bool(_passed(status, "search.query")),
    }


def healthy_report() -> Any:
    """The report of the checks of `HEALTH_CHECKS`; raises `Unhealthy` when one of them is failed or unknown."""
    options = conf.options()
    known = [spec["id"] for spec in coursys_ops.list_checks(conf.config())]
    wanted = [ident for ident in known if any(fnmatchcase(ident, glob) for glob in options.health_checks)]
    report = run("deploy", wanted, options.health_deadline)
    bad = bad_checks(report.to_dict(), but=options.health_hints)
    if bad:
        reasons = "; ".join(f"{check['id']}: {worst(check)['message']}" for check in bad)
        raise Unhealthy(Mask.of_settings().text(reasons), report)
    return report


def bad_checks(report: dict[str, Any], but: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The checks of a report that are failed or unknown."""
    excused = set(but)
    bad = ("failed", "unknown")
    return [check for check in report["checks"] if check["status"] in bad and check["id"] not in excused]


def worst(check: dict[str, Any]) -> dict[str, Any]:
    """The finding that made the check what it is."""
    for finding in check["findings"]:
        if finding["status"] == check["status"]:
            return finding
    return {"status": check["status"], "code": "no_finding", "message": "it found nothing", "hint": None}


def _passed(status: dict[str, str], prefix: str) -> bool | None:
    """Whether all checks of this prefix passed; `None` when there are none, or none in this layout."""
    found = [status[name] for name in status if name.startswith(prefix) and status[name] != "skipped"]
    return all(state in ("passed", "warning") for state in found) if found else None


def _pairs(tier: str | None) -> tuple[Pairs, Pairs]:
    mask = Mask.of_settings()
    try:
        report = run(tier)
    except coursys_ops.Error as error:
        return [], [(NOT_RUN, mask.text(error))]
    passed = [(label, mask.text(message)) for label, message in report.passed]
    passed += [(label, f"warning: {mask.text(message)}") for label, message in report.warnings]
    failed = [(label, mask.text(message)) for label, message in (*report.failed, *report.unknown)]
    return passed, failed


def _units() -> int | None:
    """How many units the site has, counted by Django itself; `None` for a site that has no such model.

    Raises `Unhealthy` when there are none. The database has just answered, so this is not where it hangs.
    """
    from django.apps import apps

    try:
        count = apps.get_model("coredata", "Unit").objects.count()
    except LookupError:
        return None
    if count == 0:
        raise Unhealthy("the main database holds no units")
    return count
