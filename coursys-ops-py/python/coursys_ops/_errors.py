"""What this package raises."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence


class Error(Exception):
    """Something could not be done. What a check finds out is never an exception, but part of the report."""


class UsageError(Error, ValueError):
    """What was asked for makes no sense: an id that matches no check, a tier that there is not, a bad deadline."""


class ConfigError(Error, ValueError):
    """The configuration is wrong, or refused.

    ``problems`` has one text for each thing that is wrong, with its place and key; none of them holds a secret.
    ``refused`` says that the file may not be read by this user, or must not be believed by root.
    """

    def __init__(self, problems: Sequence[str], refused: bool = False) -> None:
        self.problems = tuple(problems)
        self.refused = refused
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[tuple[str, ...], bool]]:
        return type(self), (self.problems, self.refused)


class CheckAbandoned(RuntimeWarning):
    """A registered check did not end in time. Its thread goes on by itself; Python has no way to end it."""
