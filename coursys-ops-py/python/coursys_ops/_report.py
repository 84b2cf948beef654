"""What a run found, as values that cannot be changed."""

from __future__ import annotations

from . import _native
from ._finding import Finding, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping


class Fact(Value):
    """Something worth knowing that is neither good nor bad. It unpacks to ``(label, value)``."""

    __slots__ = ("label", "value")

    label: str
    value: str

    def __iter__(self) -> Iterator[str]:
        return iter((self.label, self.value))


class Run(Value):
    """Who, where and when, and how it ended."""

    __slots__ = (
        "id",
        "started_at",
        "duration_ms",
        "deadline_ms",
        "host",
        "user",
        "layout",
        "tier",
        "version",
        "ended",
        "abandoned",
        "exit_code",
    )

    id: str
    started_at: str
    duration_ms: float
    deadline_ms: int
    host: str
    user: str
    layout: str
    tier: str
    version: str
    ended: str
    abandoned: int
    exit_code: int


class Summary(Value):
    """How many checks have which status."""

    __slots__ = ("passed", "warning", "failed", "unknown", "skipped")

    passed: int
    warning: int
    failed: int
    unknown: int
    skipped: int

    def __str__(self) -> str:
        words = ("failed", "unknown", "warning", "skipped", "passed")
        counts = [f"{getattr(self, word)} {word}" for word in words if getattr(self, word)]
        return ", ".join(counts) or "nothing was looked at"


class CheckReport(Value):
    """One check of a report; iterates over its findings."""

    __slots__ = ("id", "title", "tier", "location", "status", "duration_ms", "because", "findings")

    id: str
    title: str
    tier: str
    location: str | Mapping[str, str]
    status: str
    duration_ms: float | None
    because: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def code(self) -> str:
        """The code of the first finding that made the check what it is."""
        return next((found.code for found in self.findings if found.status == self.status), "no_finding")

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __hash__(self) -> int:
        return hash((self.id, self.status, self.findings))

    def __str__(self) -> str:
        return f"{self.id}: {self.status}"


class Report:
    """The report of a run: iterates over its checks, has each by its id, and compares by what it holds.

    ``passed``, ``failed``, ``warnings``, ``unknown`` and ``skipped`` are findings of that status, in the order of the report;
    each unpacks to ``(label, message)``.
    """

    __slots__ = ("run", "summary", "facts", "checks", "_document")

    run: Run
    summary: Summary
    facts: tuple[Fact, ...]
    checks: tuple[CheckReport, ...]
    _document: Mapping[str, Any]

    def __init__(self, document: Mapping[str, Any]) -> None:
        schema = document.get("schema")
        if schema != _native.SCHEMA:
            raise ValueError(f"a report of schema {_native.SCHEMA} is expected, found {schema!r}")
        keep = object.__setattr__
        keep(self, "_document", document)
        keep(self, "run", Run._known(document["run"]))
        keep(self, "summary", Summary._known(document["summary"]))
        keep(self, "facts", tuple(Fact._known(fact) for fact in document["facts"]))
        keep(self, "checks", tuple(_check(found) for found in document["checks"]))

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report of a JSON document, as ``check --format json`` prints it."""
        import json

        return cls(json.loads(text))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Report cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Report cannot be changed")

    @property
    def ok(self) -> bool:
        """Whether nothing is failed or unknown, nor, in a strict run, a warning."""
        return self.run.exit_code == 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding of every check."""
        return tuple(found for check in self.checks for found in check.findings)

    def _with(self, status: str) -> tuple[Finding, ...]:
        return tuple(found for found in self.findings if found.status == status)

    @property
    def passed(self) -> tuple[Finding, ...]:
        """What is as it should be."""
        return self._with("passed")

    @property
    def failed(self) -> tuple[Finding, ...]:
        """What is broken."""
        return self._with("failed")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What works, but somebody should look."""
        return self._with("warning")

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """What could not be found out."""
        return self._with("unknown")

    @property
    def skipped(self) -> tuple[Finding, ...]:
        """What was not looked at, and why."""
        return self._with("skipped")

    def __iter__(self) -> Iterator[CheckReport]:
        return iter(self.checks)

    def __len__(self) -> int:
        return len(self.checks)

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, id: str) -> CheckReport:
        for found in self.checks:
            if found.id == id:
                return found
        raise KeyError(id)

    def __contains__(self, id: object) -> bool:
        return any(found.id == id for found in self.checks)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return bool(self._document == other._document)

    def __hash__(self) -> int:
        return hash(self.run)

    def __repr__(self) -> str:
        return f"<Report {self.run.id}: {self.summary}>"

    def __str__(self) -> str:
        return self.to_text()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._document,)

    def to_dict(self) -> dict[str, Any]:
        """The JSON document as Python has it; a copy."""
        import copy

        return copy.deepcopy(dict(self._document))

    def to_json(self) -> str:
        """The JSON document, as ``check --format json`` prints it, in ASCII."""
        import json

        # What DEL would do to a terminal, and the only one that this leaves in.
        return json.dumps(self._document, indent=2).replace("\x7f", "\\u007f") + "\n"

    def to_html(self) -> str:
        """A fragment of HTML without styles and scripts; see the documentation for its classes."""
        return self.render("html")

    def to_text(self, *, width: int = 100, verbose: bool = False) -> str:
        """For people, as the program prints it; ``verbose`` shows codes, figures and what passed, too."""
        return self.render("text", width=width, verbose=verbose)

    def render(self, format: str, *, width: int = 100, verbose: bool = False, strict: bool = False) -> str:
        """In a format of the program: ``text``, ``json``, ``html``, ``junit``, ``nagios`` or ``prometheus``. With ``strict``
        Nagios is told that a warning is critical."""
        import json

        if format == "json":
            return self.to_json()
        return _native.render(json.dumps(self._document), format, width=width, verbose=verbose, strict=strict)

    def nagios_code(self, *, strict: bool = False) -> int:
        """The exit code that goes with ``nagios``: 0 all is well, 1 a warning, 2 something failed, 3 it is not known."""
        import json

        return _native.nagios_code(json.dumps(self._document), strict=strict)


def _check(found: Mapping[str, Any]) -> CheckReport:
    id, title = found["id"], found["title"]
    parts = dict(found)
    parts["because"] = tuple(found["because"])
    parts["findings"] = tuple(Finding._of(finding, id, title) for finding in found["findings"])
    report: CheckReport = CheckReport._known(parts)
    return report
