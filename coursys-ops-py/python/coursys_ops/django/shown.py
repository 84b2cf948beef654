"""A report as the page shows it: worst first, what to do beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: The order in which people want to read, and how each group is headed.
GROUPS = [
    ("failed", "Failed"),
    ("unknown", "Could not be told"),
    ("warning", "Warnings"),
    ("skipped", "Not looked at"),
    ("passed", "Passed"),
]

#: Groups whose checks are opened: somebody must read them.
OPEN = {"failed", "unknown", "warning"}


@dataclass(frozen=True)
class Shown:
    """What the template goes through."""

    groups: list[dict[str, Any]] = field(default_factory=list)
    facts: list[dict[str, str]] = field(default_factory=list)
    summary: str = ""
    error: str = ""

    @classmethod
    def of_report(cls, report: dict[str, Any]) -> Shown:
        """A report as the contract has it."""
        groups = []
        for status, heading in GROUPS:
            checks = [check for check in report["checks"] if check["status"] == status]
            groups.append({"status": status, "heading": heading, "checks": checks, "open": status in OPEN})
        return cls(groups=groups, facts=report["facts"], summary=summary(report))

    @classmethod
    def of_error(cls, message: str) -> Shown:
        """What kept the checks from running."""
        return cls(groups=[], error=message)


def summary(report: dict[str, Any]) -> str:
    """One line: how many of which, and in which time."""
    counts = report["summary"]
    words = [f"{counts[status]} {status}" for status, _ in GROUPS if counts[status]]
    seconds = report["run"]["duration_ms"] / 1000
    ended = {"deadline": ", stopped by the deadline", "interrupted": ", interrupted"}.get(report["run"]["ended"], "")
    return f"{', '.join(words) or 'no checks'} in {seconds:.1f} s{ended}"
