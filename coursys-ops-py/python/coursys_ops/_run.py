"""Calls into the native half."""

from __future__ import annotations

import os

from . import _checks, _native
from ._config import Config
from ._errors import CheckAbandoned, UsageError
from ._report import Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Sequence

#: The helper process as a program of its own, where the package has it.
_HELPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_helper")

#: The check that sends a mail, and the seconds that a mail server may take.
_MAIL, _MAIL_DEADLINE = "email.smtp", 20.0

#: What the interpreter does when it is the helper process: nothing of Python but the native half is loaded.
_SERVE = """
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec
loader = ExtensionFileLoader("coursys_ops._native", sys.argv[1])
native = loader.create_module(ModuleSpec("coursys_ops._native", loader, origin=sys.argv[1]))
loader.exec_module(native)
sys.exit(native.serve(sys.argv[2:]))
"""


def check(
    config: Config | str | os.PathLike[str],
    tier: str = "deploy",
    only: Sequence[str] | None = None,
    skip: Sequence[str] | None = None,
    deadline: float = 15.0,
    on_event: Callable[[dict[str, Any]], object] | None = None,
    *,
    read_only: bool = False,
    strict: bool = False,
    email: str | None = None,
    here: bool = False,
) -> Report:
    """Runs checks and returns the report, at most 0.2 s after ``deadline`` (in seconds), whatever hangs.

    ``config`` is a :class:`Config` or the path of a file. ``tier`` is ``sanity``, ``deploy`` or ``slow``; ``only`` and
    ``skip`` are ids and globs such as ``celery.*``; what the selected checks need is looked at, too, and with the tier
    ``deploy`` a check that ``only`` names by its whole id may be of any tier. ``read_only`` leaves out what writes or
    sends; ``strict`` counts warnings as bad; ``email`` is an address to send a test mail to. What ``checks.located`` sends
    to workers is looked at by this process with ``here``.

    ``on_event`` is called on this thread with each event of the run, a dictionary as of ``--format jsonl``. An exception
    in it stops the run and is raised, and so is what a signal handler raises, such as ``KeyboardInterrupt``.

    Raises :class:`UsageError` and :class:`ConfigError`. What cannot be found out is never raised, but a finding.
    """
    if not isinstance(config, Config):
        config = Config.from_path(config)
    document, lost = _native.check(
        config._loaded,
        _checks.registered(),
        helper=helper(),
        # Naming nothing is the tier `deploy`, and any for a check that is named.
        tier=None if tier == "deploy" else tier,
        only=_patterns("only", only),
        skip=_patterns("skip", skip),
        deadline=float(deadline),
        read_only=read_only,
        strict=strict,
        mail_to=email,
        here=here,
        on_event=None if on_event is None else _Parsed(on_event),
    )
    if lost:
        import warnings

        text = f"registered checks go on though their time is over: {', '.join(lost)}"
        warnings.warn(text, CheckAbandoned, stacklevel=2)
    return Report.from_json(document)


def email_check(config: Config | str | os.PathLike[str], address: str) -> Report:
    """Sends one test mail to this address, straight by the site's mail server, and returns the report of that.

    That the server took the mail does not mean that it was delivered: look into the mailbox.
    """
    return check(config, only=[_MAIL], email=address, deadline=_MAIL_DEADLINE)


def list_checks(config: Config | str | os.PathLike[str]) -> list[dict[str, Any]]:
    """What checks there are, of any tier: for each its id, title, tier, needs, timeout in seconds, effects, location and
    explanation."""
    import json

    if not isinstance(config, Config):
        config = Config.from_path(config)
    checks: list[dict[str, Any]] = json.loads(_native.checks(config._loaded, _checks.registered()))
    return checks


def status(config: Config | str | os.PathLike[str], *, full: bool = False) -> dict[str, Any]:
    """Every component with its state, health and parts, and the site in a few lines, as ``status --format json`` of the
    program has it. ``full`` waits for the checks that take longer than a glance."""
    return _document(_native.status(_config(config), helper=helper(), full=full))


def maintenance(config: Config | str | os.PathLike[str]) -> dict[str, Any]:
    """Whether the site is closed, by whom, why and until when, and whether that is true, as ``maintenance status --format
    json`` of the program has it. Raises :class:`Error` in a layout that has no maintenance page."""
    return _document(_native.maintenance(_config(config), helper=helper()))


def queues(config: Config | str | os.PathLike[str]) -> dict[str, Any]:
    """What waits in each queue, what is done and what is for later, as ``queues --format json`` of the program has it.

    Raises :class:`Error` when the broker cannot be asked."""
    return _document(_native.queues(_config(config), helper=helper()))


def _config(config: Config | str | os.PathLike[str]) -> _native.Config:
    return (config if isinstance(config, Config) else Config.from_path(config))._loaded


def _document(text: str) -> dict[str, Any]:
    import json

    document: dict[str, Any] = json.loads(text)
    return document


def helper() -> list[str]:
    """How to start the helper process."""
    if os.access(_HELPER, os.X_OK):
        return [_HELPER]
    import sys

    native = _native.__file__
    # -I: neither the environment nor the directory of the user counts; -S: nothing of the site's packages is loaded.
    return [sys.executable, "-I", "-S", "-c", _SERVE, native]


class _Parsed:
    """Calls somebody with an event instead of its line."""

    __slots__ = ("on_event",)

    def __init__(self, on_event: Callable[[dict[str, Any]], object]) -> None:
        self.on_event = on_event

    def __call__(self, line: str) -> None:
        import json

        self.on_event(json.loads(line))


def _patterns(name: str, patterns: Sequence[str] | None) -> list[str]:
    if isinstance(patterns, str):
        raise UsageError(f"`{name}` is a list of ids and globs")
    return list(patterns or ())
