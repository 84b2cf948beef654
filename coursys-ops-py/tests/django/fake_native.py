"""A stand-in for the native half: the same names and signatures, and reports that tests write themselves.

It is stricter than the real one: arguments of a wrong type raise `AssertionError`. What Python makes of the answers is
not faked: the tests run the real `coursys_ops` on top of it.
"""

import fnmatch
import json
import queue
import sys
import types

VERSION = "0.0.test"
SCHEMA = 1
TIERS = {"sanity": 0, "deploy": 1, "slow": 2}

#: What the next runs find: dictionaries as of `found`.
CHECKS = []
#: Facts of the next runs.
FACTS = []
#: What the next calls raise, if anything.
RAISES = None
#: Arguments of each run so far.
CALLS = []
#: Each configuration that was made so far.
CONFIGS = []
#: Whether registered checks are run, too.
RUN_REGISTERED = False
#: What checks need.
NEEDS = {
    "broker.connection": [],
    "celery.queue.fast": ["broker.connection"],
    "search.query": ["search.connection"],
}
#: Called before each check is finished, with its id.
BEFORE = None
#: The word that every filled index finds.
SEARCH_WORD = "cmpt"
#: How the components are.
STATUS = {"schema": 1, "exit_code": 0, "components": [{"component": "gunicorn", "state": "running"}]}
QUEUES = {"schema": 1, "at": "2026-11-23T00:00:00Z", "queues": [], "notes": []}


def install():
    """Makes this what `coursys_ops` finds as its native half."""
    module = types.ModuleType("coursys_ops._native")
    # Names are looked up here at each use, so that a test can change them.
    module.__getattr__ = lambda name: getattr(sys.modules[__name__], name)
    module.__file__ = "/nonexistent/_native.so"
    sys.modules.setdefault("coursys_ops._native", module)


def reset():
    """Back to a site on which all is well."""
    global RAISES, RUN_REGISTERED, BEFORE, SEARCH_WORD
    RAISES, RUN_REGISTERED, BEFORE, SEARCH_WORD = None, False, None, "cmpt"
    STATUS["exit_code"] = 0
    CALLS.clear()
    CONFIGS.clear()
    FACTS[:] = [{"label": "database", "value": "MariaDB 10.11"}]
    CHECKS[:] = [
        found("broker.connection", "Broker connection", tier="sanity"),
        found("cache.connection", "Cache connection", tier="sanity"),
        found("celery.queue.fast", "Celery fast queue"),
        found("database.connection", "Database connection", tier="sanity"),
        found("search.connection", "Search connection", tier="sanity"),
        found("search.query", "Search finds something"),
    ]


def found(ident, title, status="passed", message="all is well", **more):
    """A check with one finding."""
    finding = {
        "status": status,
        "code": more.get("code", "ok" if status == "passed" else "refused"),
        "subject": more.get("subject"),
        "message": message,
        "hint": more.get("hint", None if status == "passed" else "do something"),
        "measurements": [],
    }
    return {
        "id": ident,
        "title": title,
        "tier": more.get("tier", "deploy"),
        "location": "local",
        "status": status,
        "duration_ms": 1.5,
        "because": more.get("because", []),
        "findings": [finding],
    }


def put(*checks):
    """Replaces checks of the same ids, and adds others."""
    ids = {check["id"] for check in checks}
    CHECKS[:] = sorted([c for c in CHECKS if c["id"] not in ids] + list(checks), key=lambda check: check["id"])


class Config:
    """What a configuration was made of."""

    layout = "vm"
    warnings = []

    def __init__(self, **parts):
        self.parts = parts
        CONFIGS.append(self)

    @staticmethod
    def from_path(path, layout, sets, environment):
        assert isinstance(environment, dict)
        return Config(path=path, layout=layout, sets=sets)

    @staticmethod
    def from_values(values, environment):
        return Config(values=json.loads(values))

    @staticmethod
    def from_settings(settings, site, values, environment):
        _raise()
        assert isinstance(environment, dict)
        return Config(settings=json.loads(settings), site=json.loads(site), values=json.loads(values)), []

    def show(self):
        return json.dumps({"settings": [{"key": "search.query", "value": SEARCH_WORD}], "parts": self.parts})


class Reply:
    """Where a registered check sends what it found."""

    def __init__(self):
        self.told = queue.Queue()

    def send(self, findings):
        self.told.put(json.loads(findings))
        return True


def check(config, registered, *, helper, tier, only, skip, deadline, read_only, strict, mail_to, here, on_event):
    """A run."""
    _raise()
    assert isinstance(config, Config) and isinstance(registered, list)
    assert isinstance(helper, list) and all(isinstance(part, str) for part in helper)
    assert tier in (None, *TIERS) and isinstance(deadline, float)
    assert all(isinstance(name, str) for name in (*only, *skip))
    given = {"tier": tier, "only": only, "skip": skip, "deadline": deadline, "config": config, "here": here}
    CALLS.append({**given, "read_only": read_only, "strict": strict})
    checks = [each for each in CHECKS if TIERS[each["tier"]] <= TIERS[tier or "deploy"]]
    if only:
        checks = [each for each in checks if any(fnmatch.fnmatchcase(each["id"], glob) for glob in only)]
        if not checks:
            raise _errors().UsageError(f"no check matches `{only[0]}`")
        needed = {need for each in checks for need in NEEDS.get(each["id"], [])}
        checks = [each for each in CHECKS if each in checks or each["id"] in needed]
    for spec, start in registered if RUN_REGISTERED else ():
        checks.append(_run_registered(json.loads(spec), start))
    run = {
        "id": "test",
        "started_at": "2026-11-23T00:00:00Z",
        "deadline_ms": int(deadline * 1000),
        "host": "test",
        "user": "test",
        "layout": "vm",
        "tier": tier or "deploy",
        "version": VERSION,
    }
    tell = (lambda event: on_event(json.dumps(event))) if on_event else (lambda event: None)
    names = ("id", "title", "tier", "location")
    listed = [{"needs": [], **{name: each[name] for name in names}} for each in checks]
    tell({"event": "run_started", "run": run, "checks": listed})
    for each in checks:
        tell({"event": "check_started", "id": each["id"]})
        if BEFORE:
            BEFORE(each["id"])
        parts = {name: each[name] for name in ("id", "duration_ms", "findings", "because")}
        tell({"event": "check_finished", **parts})
    for fact in FACTS:
        tell({"event": "fact", **fact})
    tell({"event": "run_ended", "ended": "complete", "interruption": None, "duration_ms": 12.0, "abandoned": 0})
    summary = dict.fromkeys(("passed", "warning", "failed", "unknown", "skipped"), 0)
    for each in checks:
        summary[each["status"]] += 1
    bad = summary["failed"] + summary["unknown"] + (summary["warning"] if strict else 0)
    run.update(duration_ms=12.0, ended="complete", abandoned=0, exit_code=int(bad > 0))
    report = {"schema": SCHEMA, "run": run, "summary": summary, "facts": list(FACTS), "checks": checks}
    return json.dumps(report), []


def checks(config, registered):
    """What checks there are."""
    _raise()
    names = ("id", "title", "tier")
    more = {"explanation": "why it is looked at"}
    specs = [{**{name: each[name] for name in names}, "needs": NEEDS.get(each["id"], []), **more} for each in CHECKS]
    return json.dumps(specs)


def status(config, *, helper, full):
    """Every component."""
    _raise()
    return json.dumps(STATUS)


def maintenance(config, *, helper):
    """Whether the site is closed."""
    _raise()
    return json.dumps({"schema": 1, "state": "up", "code": None, "evidence": [], "lease": None})


def queues(config, *, helper):
    """What waits."""
    _raise()
    return json.dumps(QUEUES)


def codes():
    """Some of the codes."""
    names = "ok refused timeout not_in_layout check_failed panicked no_hits empty incomplete mangled not_shared"
    return [(name, name) for name in (*names.split(), "wrong_answer", "helper_failed", "contradictory")]


def render(report, format, *, width=100, verbose=False, strict=False):
    """The report as JSON, or its format's name."""
    return report if format == "json" else f"a report as {format}\n"


def nagios_code(report, *, strict=False):
    """What the plugin API says."""
    summary = json.loads(report)["summary"]
    if summary["failed"]:
        return 2
    return 3 if summary["unknown"] else (2 if strict else 1) if summary["warning"] else 0


def settings_reader():
    """The reader of settings, from its own place in the sources."""
    from pathlib import Path

    source = Path(__file__).resolve().parents[3] / "coursys-ops-core/src/import/settings.py"
    return source.read_text(encoding="utf-8")


def serve(arguments):
    """There is no helper here."""
    raise AssertionError("the fake has no helper process")


def _run_registered(spec, start):
    reply = Reply()
    start(reply)
    findings = reply.told.get(timeout=70)
    order = ["skipped", "passed", "warning", "unknown", "failed"]
    status = max((finding["status"] for finding in findings), key=order.index)
    return {
        **found(spec["id"], spec["title"], status, tier=spec["tier"]),
        "findings": findings,
    }


def _raise():
    if RAISES is not None:
        raise RAISES


def _errors():
    from coursys_ops import _errors

    return _errors


reset()
