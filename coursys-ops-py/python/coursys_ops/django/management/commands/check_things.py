"""`manage.py check_things`: whether everything that a deployment relies on works."""

from __future__ import annotations

from typing import Any, List, Tuple

from django.core.management.base import CommandParser

from ... import panel, sanity, shared_cache
from ...mask import Mask
from ..base import BAD, NAGIOS_CRITICAL, OpsCommand, plugin_text

Pairs = List[Tuple[str, Any]]

FORMATS = ("text", "json", "junit", "nagios", "prometheus", "html")


class Command(OpsCommand):
    """Prints four sections, or one document with `--format`. Ends with 1 when something is failed or unknown."""

    help = "Check the status of the various things we rely on in deployment."

    def add_arguments(self, parser: CommandParser) -> None:
        """The options that the site's command has always had, and some more."""
        parser.add_argument(
            "--cache_subcall",
            action="store_true",
            help="Called only as part of check_things. Doesn't do anything useful on its own.",
        )
        parser.add_argument("--cache_key", default=shared_cache.KEY, help="What --cache_subcall adds one to.")
        parser.add_argument("--email", default="", help="Email this address to make sure it's sent.")
        parser.add_argument("--format", choices=FORMATS, default="text", help="How to print the report.")
        parser.add_argument("--tier", choices=("sanity", "deploy", "slow"), help="The latest tier that is checked.")
        parser.add_argument("--deadline", type=float, help="Seconds that the whole run may take.")
        parser.add_argument("--strict", action="store_true", help="A warning is bad too.")

    def answer(self, options: dict[str, Any]) -> int:
        """Runs the checks and prints what they found."""
        if options["cache_subcall"]:
            shared_cache.add_one(options["cache_key"])
            return 0
        mask, strict = Mask.of_settings(), options["strict"]
        report = sanity.run(options["tier"], deadline=options["deadline"], strict=strict)
        sent: tuple[bool, str] = (True, "provide an --email argument to test.")
        if options["email"]:
            sent = panel.send_test_email(options["email"])
        if options["format"] == "nagios":
            return self.nagios(report, strict, sent)
        if options["format"] == "text":
            self.sections(report.to_dict(), sent, mask)
        else:
            self.stdout.write(report.render(options["format"], strict=strict))
            if options["email"]:
                self.stderr.write(f"Email sending: {sent[1]}")
        return 0 if report.ok and sent[0] else BAD

    def nagios(self, report: Any, strict: bool, sent: tuple[bool, str]) -> int:
        """The line of a plugin; a mail that was not sent comes first and is as bad as anything."""
        if not sent[0]:
            self.stdout.write(f"COURSYS CRITICAL - Email sending: {plugin_text(sent[1])}")
        self.stdout.write(report.render("nagios", strict=strict))
        return int(report.nagios_code(strict=strict)) if sent[0] else NAGIOS_CRITICAL

    def sections(self, report: Any, sent: tuple[bool, str], mask: Mask) -> None:
        """The four sections that people know, and one for warnings."""
        rows = {status: pairs(report, status, mask) for status in ("passed", "warning", "failed", "unknown")}
        rows["unknown"] += blocked(report)
        rows["unknown" if sent[0] else "failed"].append(("Email sending", sent[1]))
        facts = [(fact["label"], fact["value"]) for fact in report["facts"]]
        self.section("For information", [*plain(panel.settings_info()), *facts])
        self.section("These checks passed", rows["passed"])
        self.section("These checks passed with a warning", rows["warning"])
        self.section("These checks failed", rows["failed"])
        self.section("Status unknown", rows["unknown"])
        self.stdout.write("\n")

    def section(self, title: str, reports: Pairs) -> None:
        """One section, unless it is empty."""
        if reports:
            self.stdout.write(f"\n{title}:\n")
        for label, message in reports:
            self.stdout.write(f"  {label}: {message}")


def pairs(report: Any, status: str, mask: Mask) -> Pairs:
    """Label and message of each finding of this status, in checks of this status; what to do stands below."""
    found = []
    for check in report["checks"]:
        if check["status"] == status:
            for finding in check["findings"]:
                if finding["status"] == status:
                    named = finding["subject"] and finding["subject"] not in finding["message"]
                    subject = f"{finding['subject']}: " if named else ""
                    hint = f"\n    {finding['hint']}" if finding["hint"] and status != "passed" else ""
                    found.append((check["title"], mask.text(f"{subject}{finding['message']}{hint}")))
    return found


def blocked(report: Any) -> Pairs:
    """What was not looked at because something else failed."""
    return [
        (check["title"], f"not looked at because of {', '.join(check['because'])}")
        for check in report["checks"]
        if check["status"] == "skipped" and check["because"]
    ]


def plain(info: Pairs) -> Pairs:
    """Information without the HTML that the page has."""
    from html import unescape

    def text(value: Any) -> Any:
        is_html = hasattr(value, "__html__") and str(value).startswith("<pre>")
        return unescape(str(value)[len("<pre>") : -len("</pre>")]) if is_html else value

    return [(label, text(value)) for label, value in info]
