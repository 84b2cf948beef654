"""`manage.py coursys_ops …`: what of the program `coursys-ops` makes sense beside the site, as in a container."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any, Callable

from django.core.management.base import CommandParser

import coursys_ops

from ... import conf, health, panel
from ...mask import Mask
from ...queue_info import as_dict
from ..base import BAD, OpsCommand
from .check_things import FORMATS


class Command(OpsCommand):
    """Exit status: 0 all is well, 1 something is not, 2 the question or the configuration is wrong."""

    help = "Checks of the deployment, what runs, what waits, and whether it is in maintenance."

    def add_arguments(self, parser: CommandParser) -> None:
        """One subcommand each."""
        commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
        check = commands.add_parser("check", help="run checks")
        check.add_argument("ids", nargs="*", metavar="ID", help="ids or globs; without any, everything of the tier")
        check.add_argument("--tier", choices=("sanity", "deploy", "slow"), help="the latest tier")
        check.add_argument("--skip", action="append", default=[], metavar="ID", help="leave out; repeatable")
        check.add_argument("--deadline", type=float, help="seconds that the whole run may take")
        check.add_argument("--strict", action="store_true", help="a warning is bad too")
        check.add_argument("--read-only", action="store_true", help="leave out what writes or sends")
        check.add_argument("--list", action="store_true", help="list the checks and run none")
        check.add_argument("--explain", metavar="ID", help="say what a check does and why, and run none; a glob, too")
        check.add_argument("--format", choices=(*FORMATS, "jsonl"), default="text", help="how to print")
        for name, text in (
            ("status", "every component, and what runs"),
            ("maintenance", "whether the site is closed, why, and whether it is true"),
            ("queues", "what waits, what is done, what is for later"),
            ("health", "what the health view says"),
            ("config", "the configuration that comes of the settings, without secrets"),
        ):
            commands.add_parser(name, help=text)
        email = commands.add_parser("email-check", help="send a test mail by the site's mail server")
        email.add_argument("address")
        email.add_argument("--django", action="store_true", help="the way the site's own mail goes, by its backend")

    def answer(self, options: dict[str, Any]) -> int:
        """Does what the subcommand says."""
        subcommands: dict[str, Callable[..., int]] = {
            "check": self.check_site,
            "status": self.status,
            "maintenance": self.maintenance,
            "queues": self.queues,
            "health": self.health,
            "config": self.config,
            "email-check": self.email_check,
        }
        return subcommands[options["subcommand"]](options)

    def check_site(self, options: dict[str, Any]) -> int:
        """Runs checks."""
        if options["list"]:
            return self.list_checks(options["format"])
        if options["explain"]:
            return self.explain(options["explain"])
        form, strict = options["format"], options["strict"]
        ids, settings = options["ids"], conf.options()
        report = coursys_ops.check(
            conf.config(),
            tier=options["tier"] or ("deploy" if ids else settings.tier),
            only=ids or None,
            skip=[*settings.skip, *options["skip"]] or None,
            deadline=options["deadline"] or settings.deadline,
            on_event=self.line if form == "jsonl" else None,
            read_only=options["read_only"],
            strict=strict,
        )
        if form != "jsonl":
            self.stdout.write(report.render(form, strict=strict))
        return report.nagios_code(strict=strict) if form == "nagios" else int(not report.ok)

    def list_checks(self, form: str) -> int:
        """Every check: a line each, or one document."""
        specs = coursys_ops.list_checks(conf.config())
        if form != "text":
            return self.document({"schema": 1, "checks": specs})
        for spec in specs:
            self.stdout.write(f"{spec['id']}  {spec['tier']}  {spec['title']}")
        return 0

    def explain(self, glob: str) -> int:
        """What checks are for."""
        found = [spec for spec in coursys_ops.list_checks(conf.config()) if fnmatchcase(spec["id"], glob)]
        if not found:
            raise coursys_ops.UsageError(f"no check matches `{glob}`; `check --list` names all")
        for spec in found:
            self.stdout.write(f"{spec['id']}: {spec['title']}\n\n{spec['explanation']}\n")
        return 0

    def line(self, event: dict[str, Any]) -> None:
        """One event."""
        self.stdout.write(json.dumps(event, ensure_ascii=False))
        self.stdout.flush()

    def status(self, options: dict[str, Any]) -> int:
        """What runs; the document says what it comes to."""
        answer = as_dict(coursys_ops.status(conf.config()))
        self.document(answer)
        return int(answer["exit_code"])

    def maintenance(self, options: dict[str, Any]) -> int:
        """Whether the site is closed."""
        return self.document(coursys_ops.maintenance(conf.config()))

    def queues(self, options: dict[str, Any]) -> int:
        """What waits."""
        return self.document(coursys_ops.queues(conf.config()))

    def health(self, options: dict[str, Any]) -> int:
        """What the health view tells those who may see everything."""
        answer = health.look(max_age=0)
        self.stdout.write(health.as_text(health.HealthView.document(answer, whole=True)), ending="")
        return 0 if answer.healthy else BAD

    def config(self, options: dict[str, Any]) -> int:
        """The configuration."""
        return self.document(conf.config().to_dict())

    def email_check(self, options: dict[str, Any]) -> int:
        """One mail."""
        if not options["django"]:
            report = coursys_ops.email_check(conf.config(), options["address"])
            self.stdout.write(report.render("text"))
            return 0 if report.ok else BAD
        sent, message = panel.send_test_email(options["address"])
        self.stdout.write(message)
        return 0 if sent else BAD

    def document(self, answer: Any) -> int:
        """Prints plain data, without secrets."""
        shown = Mask.of_settings().value(as_dict(answer))
        self.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False, default=str))
        return 0
