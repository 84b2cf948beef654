"""Checks that are written in Python: registered once, part of every run."""

from __future__ import annotations

from . import _native
from ._errors import UsageError
from ._finding import NO_HINT, Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Sequence, TypeVar, Union

    Outcome = Union[None, bool, str, Finding, Iterable[Finding]]
    Function = TypeVar("Function", bound=Callable[[], Outcome])

#: What to do about a check that says no more.
_HINT = "read what this check does: `{id}` is one of the site's own"

_TIERS = ("sanity", "deploy", "slow")
_EFFECTS = ("none", "self_cleaning", "site_log", "sends")
_STATUSES = ("passed", "warning", "failed", "unknown", "skipped")

#: Seconds; a run takes no longer.
_MAX_TIMEOUT = 86_400.0

_registered: dict[str, RegisteredCheck] = {}


class RegisteredCheck:
    """A callable with everything that the runner wants to know of it."""

    __slots__ = ("id", "title", "needs", "timeout", "tier", "effects", "hint", "explanation", "function")

    def __init__(self, function: Callable[[], Any], **parts: Any) -> None:
        self.function = function
        for name, value in parts.items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        return f"<RegisteredCheck {self.id}>"  # type: ignore[attr-defined]

    def spec(self) -> str:
        """What the runner is told, as JSON."""
        import json

        return json.dumps({name: getattr(self, name) for name in self.__slots__ if name != "function"})

    def start(self, reply: _native.Reply) -> None:
        """Starts the call in a thread that does not keep the process alive, and returns."""
        import threading

        name = f"coursys_ops check {self.id}"  # type: ignore[attr-defined]
        threading.Thread(target=self._call, args=(reply,), name=name, daemon=True).start()

    def _call(self, reply: _native.Reply) -> None:
        import json

        try:
            try:
                findings = _understood(self.function(), self.hint)  # type: ignore[attr-defined]
            except _NoFinding as error:
                findings = [_no_finding(error, self.hint)]  # type: ignore[attr-defined]
            # `sys.exit()` in a thread ends nothing but the thread, and silently.
            except BaseException as error:
                text = f"the check raised {type(error).__name__}"
                findings = [Finding.unknown(f"{text}: {error}" if str(error) else text, self.hint, "panicked")]  # type: ignore[attr-defined]
            finally:
                _close_connections()
            told = json.dumps([found.to_dict() for found in findings])
        except BaseException as error:
            told = json.dumps([_no_finding(error, self.hint).to_dict()])  # type: ignore[attr-defined]
        reply.send(told)


def register_check(
    id: str,
    title: str | None = None,
    needs: Sequence[str] = (),
    timeout: float = 5.0,
    *,
    tier: str = "deploy",
    effects: str = "none",
    hint: str | None = None,
    explanation: str | None = None,
) -> Callable[[Function], Function]:
    """Makes a callable a check of every run, beside ours: with needs, timeout, report.

    The callable takes nothing. It returns nothing, ``True`` or a text when all is well, ``False`` when not, a
    :class:`Finding`, or several. What it raises costs only itself: the check is ``unknown`` then. ``timeout`` is in
    seconds, ``needs`` are ids of checks without which this one makes no sense, ``hint`` says what to do when it fails or
    gives no answer, ``effects`` is ``none``, ``self_cleaning``, ``site_log`` or ``sends``. Title and explanation are taken
    from the docstring when they are not given.

    Each call has a daemon thread of its own, whose Django connections are closed afterwards. One that does not end in time
    has failed; its thread is abandoned, counted in ``report.run.abandoned`` and warned of by :class:`CheckAbandoned`. One
    that never releases the interpreter's lock cannot be bounded by anybody.

    Raises :class:`UsageError` when the id is no id, or taken, and for a tier, effects or a timeout that there are not.
    """
    if not _is_id(id):
        raise UsageError(f"{id!r} is no id: words of a-z, digits, - and _ that are joined by dots")
    if id in _registered:
        raise UsageError(f"there is a registered check `{id}` already")
    if isinstance(needs, str) or not all(isinstance(need, str) for need in needs):
        raise UsageError(f"`{id}`: `needs` is a list of ids")
    for name, word, words in (("tier", tier, _TIERS), ("effects", effects, _EFFECTS)):
        if word not in words:
            raise UsageError(f"`{id}`: `{name}` is one of {', '.join(words)}, not {word!r}")
    # Not a number is neither more nor less than one.
    if not isinstance(timeout, (int, float)) or not 0 < timeout <= _MAX_TIMEOUT:
        raise UsageError(f"`{id}`: `timeout` is a number of seconds above 0, up to {_MAX_TIMEOUT:g}, not {timeout!r}")

    def register(function: Function) -> Function:
        documented = (function.__doc__ or "").strip()
        _registered[id] = RegisteredCheck(
            function,
            id=id,
            title=title or documented.partition("\n")[0].rstrip(".") or id,
            needs=list(needs),
            timeout=float(timeout),
            tier=tier,
            effects=effects,
            hint=hint or _HINT.format(id=id),
            explanation=explanation if explanation is not None else documented,
        )
        return function

    return register


def unregister_check(id: str) -> None:
    """Takes a registered check away again. Raises :class:`KeyError` when there is none."""
    del _registered[id]


def registered_checks() -> tuple[str, ...]:
    """The ids of the registered checks."""
    return tuple(_registered)


def registered() -> list[tuple[str, Callable[[_native.Reply], None]]]:
    """What the native half wants to know of the registered checks."""
    return [(check.spec(), check.start) for check in list(_registered.values())]


def _is_id(id: object) -> bool:
    if not isinstance(id, str) or "." not in id:
        return False
    allowed = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
    return all(word and allowed.issuperset(word) for word in id.split("."))


def _understood(outcome: Outcome, hint: str) -> list[Finding]:
    """The findings that a callable means by what it returns."""
    if outcome is None or outcome is True:
        return [Finding.passed()]
    if outcome is False:
        return [Finding.failed("the check says no", hint)]
    if isinstance(outcome, str):
        return [Finding.passed(outcome)]
    findings = [outcome] if isinstance(outcome, Finding) else list(outcome)
    known = {code for code, _ in _native.codes()}
    for found in findings:
        if not isinstance(found, Finding):
            raise _NoFinding(f"a {type(found).__name__}")
        if found.status not in _STATUSES:
            raise _NoFinding(f"there is no status {found.status!r}")
        if found.code not in known:
            raise _NoFinding(f"there is no code {found.code!r}")
        for measured in found.measurements:
            if not all(_is_figure(figure) for figure in (measured.value, measured.warn, measured.crit)):
                raise _NoFinding(f"{measured!r} is no figure")
    return [_with_hint(found, hint) for found in findings]


class _NoFinding(Exception):
    """What a callable returned means nothing; the text says what it is."""


def _no_finding(error: BaseException, hint: str) -> Finding:
    return Finding.unknown(f"the check returned what is no finding: {error}", hint, "panicked")


def _is_figure(figure: object) -> bool:
    """Whether JSON can hold it: it knows neither infinity nor what is not a number."""
    from math import isfinite

    return figure is None or (isinstance(figure, (int, float)) and isfinite(figure))


def _with_hint(found: Finding, hint: str) -> Finding:
    """The finding with what to do, if somebody should do something and it says nothing: reports promise that."""
    if found.status not in ("warning", "failed") or found.hint not in (None, "", NO_HINT):
        return found
    return Finding(
        found.status, found.code, found.message, hint, subject=found.subject, measurements=found.measurements
    )


def _close_connections() -> None:
    """Closes the Django connections of this thread, if Django is in use at all."""
    import sys

    database = sys.modules.get("django.db")
    if database is not None:
        try:
            database.connections.close_all()
        except Exception:
            # A connection that is broken is closed.
            pass
