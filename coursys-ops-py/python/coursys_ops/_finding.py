"""What a check finds, as values that cannot be changed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping, Sequence

#: The hint of a finding that somebody should look at, when who found it gave none.
NO_HINT = "whoever wrote this check knows what to do"


class Value:
    """A value of named parts: frozen, comparable, hashable where its parts are, and readable when printed."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, **parts: object) -> None:
        for name in self.__slots__:
            object.__setattr__(self, name, parts.pop(name))
        if parts:
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(parts))}")

    @classmethod
    def _known(cls, parts: Mapping[str, Any]) -> Any:
        """The value of those parts that this version knows: within a schema, a newer program may say more."""
        return cls(**{name: parts[name] for name in cls.__slots__})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed")

    def _parts(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash((type(self), self._parts()))

    def __repr__(self) -> str:
        parts = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({parts})"

    def __reduce__(self) -> tuple[Any, ...]:
        return rebuilt, (type(self), dict(zip(self.__slots__, self._parts())))


def rebuilt(kind: type[Value], parts: dict[str, object]) -> Value:
    """The value that was pickled."""
    return kind(**parts)


class Measurement(Value):
    """A figure behind a finding, in ``unit`` (``s``, ``ms``, ``B``, ``%``, or nothing for a count), with the values from which
    on it is a warning or a failure."""

    __slots__ = ("name", "value", "unit", "warn", "crit")

    name: str
    value: float
    unit: str
    warn: float | None
    crit: float | None

    def __init__(
        self, name: str, value: float, unit: str = "", warn: float | None = None, crit: float | None = None
    ) -> None:
        super().__init__(name=name, value=float(value), unit=unit, warn=warn, crit=crit)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return dict(zip(self.__slots__, self._parts()))


class Finding(Value):
    """One thing that a check found, good or bad.

    It unpacks to ``(label, message)``, as the site's templates expect. In a report, ``check`` is the id of the check and
    ``label`` its title, with the subject when there is one; in a finding that a registered check returns, both are empty.
    """

    __slots__ = ("status", "code", "subject", "message", "hint", "measurements", "check", "label")

    status: str
    code: str
    subject: str | None
    message: str
    hint: str | None
    measurements: tuple[Measurement, ...]
    check: str
    label: str

    def __init__(
        self,
        status: str,
        code: str,
        message: str,
        hint: str | None = None,
        *,
        subject: str | None = None,
        measurements: Sequence[Measurement] = (),
        check: str = "",
        label: str = "",
    ) -> None:
        super().__init__(
            status=status,
            code=code,
            subject=subject,
            message=message,
            hint=hint,
            measurements=tuple(measurements),
            check=check,
            label=label,
        )

    @classmethod
    def passed(cls, message: str = "ok", **more: Any) -> Finding:
        """All is well. ``more`` is ``subject`` and ``measurements``."""
        return cls("passed", "ok", message, **more)

    @classmethod
    def warning(cls, message: str, hint: str = NO_HINT, code: str = "check_failed", **more: Any) -> Finding:
        """It works, but somebody should look."""
        return cls("warning", code, message, hint, **more)

    @classmethod
    def failed(cls, message: str, hint: str = NO_HINT, code: str = "check_failed", **more: Any) -> Finding:
        """It is broken."""
        return cls("failed", code, message, hint, **more)

    @classmethod
    def unknown(cls, message: str, hint: str | None = None, code: str = "contradictory", **more: Any) -> Finding:
        """It could not be found out."""
        return cls("unknown", code, message, hint, **more)

    @classmethod
    def skipped(cls, message: str, code: str = "not_in_layout", **more: Any) -> Finding:
        """It does not apply here."""
        return cls("skipped", code, message, **more)

    @classmethod
    def _of(cls, found: Mapping[str, Any], check: str, title: str) -> Finding:
        subject = found["subject"]
        return cls(
            found["status"],
            found["code"],
            found["message"],
            found["hint"],
            subject=subject,
            measurements=[Measurement._known(measured) for measured in found["measurements"]],
            check=check,
            label=f"{title}: {subject}" if subject else title,
        )

    def __iter__(self) -> Iterator[str]:
        return iter((self.label, self.message))

    def __str__(self) -> str:
        head = f"{self.label}: {self.message}" if self.label else self.message
        return f"{head} ({self.hint})" if self.hint else head

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it; what belongs to its check is left out."""
        return {
            "status": self.status,
            "code": self.code,
            "subject": self.subject,
            "message": self.message,
            "hint": self.hint,
            "measurements": [measured.to_dict() for measured in self.measurements],
        }
