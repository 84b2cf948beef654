"""The checks in the shapes that the site's `panel.py` has had: pairs of label and message, or an exception."""

from __future__ import annotations

import difflib
from fnmatch import fnmatchcase
from typing import Any, Iterable, List, Mapping, Tuple

import coursys_ops

from . import conf
from .bounded import NoAnswer, bounded
from .mask import Mask

Pairs = List[Tuple[str, str]]

#: The label of what kept the checks from running at all.
NOT_RUN = "Deployment checks"

#: Seconds that counting the units may take; there are some dozens.
UNITS_S = 2.0


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
    strict: bool = False,
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
        strict=strict,
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
        "units": _units(report),
        "celery_res": _passed(status, "celery.queue."),
        "cache": "ok" if _passed(status, "cache.") is not None else "none",
        "search_res": bool(_passed(status, "search.query")),
    }


def healthy_report() -> Any:
    """The report of the checks of `HEALTH_CHECKS`; raises `Unhealthy` when one of them is failed or unknown.

    Raises `coursys_ops.UsageError` when the settings name a check that there is not: a site of which nothing is looked at
    would always be healthy.
    """
    options = conf.options()
    needs = {spec["id"]: spec["needs"] for spec in coursys_ops.list_checks(conf.config())}
    wanted = _named("health_checks", needs)
    if not wanted:
        raise coursys_ops.UsageError(f"{conf.name_of('health_checks')} names no check, and health is made of them")
    excused = _excused(wanted, _named("health_hints", needs), needs)
    report = run("deploy", wanted, options.health_deadline)
    bad = bad_checks(report.to_dict(), but=excused)
    if bad:
        reasons = "; ".join(f"{check['id']}: {worst(check)['message']}" for check in bad)
        raise Unhealthy(Mask.of_settings().text(reasons), report)
    return report


def _named(option: str, known: Iterable[str]) -> list[str]:
    """The ids that an option of the settings means. Those that it has unless told otherwise are not in every layout."""
    known, globs = list(known), getattr(conf.options(), option)
    named = [ident for ident in known if any(fnmatchcase(ident, glob) for glob in globs)]
    for glob in globs if globs != getattr(conf.Options, option) else ():
        if not any(fnmatchcase(ident, glob) for ident in named):
            near = difflib.get_close_matches(glob, known, 1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise coursys_ops.UsageError(f"{conf.name_of(option)}: no check matches `{glob}`{hint}")
    return named


def _excused(wanted: Iterable[str], hints: Iterable[str], needs: Mapping[str, Iterable[str]]) -> set[str]:
    """The hints, and what is looked at for their sake alone: who needs a server that starts is as good as that server."""
    reasons = set(wanted) - set(hints)
    return _with_needs(wanted, needs) - _with_needs(reasons, needs)


def _with_needs(idents: Iterable[str], needs: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    ahead = list(idents)
    while ahead:
        ident = ahead.pop()
        if ident not in found:
            found.add(ident)
            ahead.extend(needs.get(ident, ()))
    return found


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


def _units(report: Any) -> int | None:
    """How many units the site has, counted by Django itself; `None` for a site that has no such model.

    Raises `Unhealthy` when there are none, or when the database, which has answered the checks, does not answer this: a
    lock, or a connection of Django's own that is none any more.
    """
    from django.apps import apps

    try:
        units = apps.get_model("coredata", "Unit").objects
    except LookupError:
        return None
    try:
        count = bounded("units", UNITS_S, units.count)
    except NoAnswer as error:
        raise Unhealthy(f"the site's units cannot be counted: {error}", report) from None
    if count == 0:
        raise Unhealthy("the main database holds no units", report)
    return int(count)
