"""What our commands have in common: they start when something is down, and end as scripts and monitoring expect."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

import coursys_ops

from ..mask import Mask

#: Exit statuses: something is not well; the question or the configuration is wrong.
BAD, USAGE = 1, 2

#: Those of the plugin API that Nagios made.
NAGIOS_CRITICAL, NAGIOS_UNKNOWN = 2, 3

#: What is the settings' fault, or that of who asks.
MISTAKES = (coursys_ops.Error, ImproperlyConfigured)


class OpsCommand(BaseCommand):
    """Ends with 0 when all is well, 1 when something is not, 2 when the question or the configuration is wrong.

    With `--format nagios` alone it ends with 0 to 3, as that API says, and always prints its line on standard output:
    monitoring takes any other 1 for a mere warning.
    """

    # It must start when something is down: Django's own checks may ask the database.
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def answer(self, options: dict[str, Any]) -> int:
        """Does what is asked and returns the exit status."""
        raise NotImplementedError

    def run_from_argv(self, argv: list[str]) -> None:
        """Arguments that make no sense are unknown to Nagios, too."""
        if not asks_for_nagios(argv):
            return super().run_from_argv(argv)
        self.has_answered = False
        try:
            super().run_from_argv(argv)
        except SystemExit as ended:
            if self.has_answered or not ended.code:
                raise
            self.unknown_to_nagios("the arguments make no sense; standard error has more")

    def handle(self, *args: Any, **options: Any) -> None:
        """Answers, and ends with its status."""
        try:
            status = self.answer(options)
        except Exception as error:
            if options.get("format") == "nagios":
                is_mistake = isinstance(error, MISTAKES)
                self.unknown_to_nagios(str(error) if is_mistake else f"{type(error).__name__}: {error}")
            if isinstance(error, MISTAKES):
                raise CommandError(Mask.of_settings().text(error), returncode=USAGE) from None
            raise
        self.has_answered = True
        if status:
            raise SystemExit(status)

    def unknown_to_nagios(self, why: str) -> None:
        """Ends with the one line that says why nothing is known."""
        self.has_answered = True
        self.stdout.write(f"COURSYS UNKNOWN - {plugin_text(why)}")
        raise SystemExit(NAGIOS_UNKNOWN)


def plugin_text(text: Any) -> str:
    """The text without secrets, as a part of a plugin's line: a bar would begin the figures."""
    line = " ".join(Mask.of_settings().text(text).split())
    return "".join(char if char.isprintable() else "?" for char in line).replace("|", "/")


def asks_for_nagios(words: list[str]) -> bool:
    """Whether these arguments ask for that format, whatever else is wrong with them."""
    return "--format=nagios" in words or any(pair == ("--format", "nagios") for pair in zip(words, words[1:]))
