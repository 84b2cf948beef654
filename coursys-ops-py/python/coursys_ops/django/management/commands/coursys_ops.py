"""`manage.py coursys_ops …`: what of the program `coursys-ops` makes sense beside the site, as in a container."""

from __future__ import annotations

import json
from typing import Any, Callable

from django.core.management.base import BaseCommand, CommandError, CommandParser

import coursys_ops

from ... import conf, health, panel, sanity
from ...mask import Mask
from ...queue_info import as_dict
from .check_things import FORMATS


class Command(BaseCommand):
    """Exit status: 0 all is well, 1 something is not, 2 the question or the configuration is wrong."""

    help = "Checks of the deployment, what runs, what waits, and whether it is in maintenance."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """One subcommand each."""
        commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
        check = commands.add_parser("check", help="run checks")
        check.add_argument("ids", nargs="*", metavar="ID", help="ids or globs; without any, everything of the tier")
        check.add_argument("--tier", choices=("sanity", "deploy", "slow"), help="the latest tier")
        check.add_argument("--skip", action="append", default=[], metavar="ID", help="leave out; repeatable")
        check.add_argument("--deadline", type=float, help="seconds that the whole run may take")
        check.add_argument("--strict", action="store_true", help="a warning is bad too")
        check.add_argument("--list", action="store_true", help="list the checks and run none")
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

    def handle(self, *args: Any, **options: Any) -> None:
        """Does what the subcommand says."""
        subcommands: dict[str, Callable[..., bool]] = {
            "check": self.check_site,
            "status": self.status,
            "maintenance": self.maintenance,
            "queues": self.queues,
            "health": self.health,
            "config": self.config,
            "email-check": self.email_check,
        }
        try:
            good = subcommands[options["subcommand"]](options)
        except coursys_ops.Error as error:
            raise CommandError(Mask.of_settings().text(error), returncode=2) from None
        if not good:
            raise SystemExit(1)

    def check_site(self, options: dict[str, Any]) -> bool:
        """Runs checks."""
        if options["list"]:
            for spec in coursys_ops.list_checks(conf.config()):
                self.stdout.write(f"{spec['id']}  {spec['tier']}  {spec['title']}")
            return True
        on_event = self.line if options["format"] == "jsonl" else None
        ids, settings = options["ids"], conf.options()
        report = coursys_ops.check(
            conf.config(),
            tier=options["tier"] or ("deploy" if ids else settings.tier),
            only=ids or None,
            skip=[*settings.skip, *options["skip"]] or None,
            deadline=options["deadline"] or settings.deadline,
            on_event=on_event,
        )
        if on_event is None:
            self.stdout.write(report.render(options["format"]))
        document = report.to_dict()
        strict = options["strict"] and document["summary"]["warning"] > 0
        return not (sanity.bad_checks(document) or strict)

    def line(self, event: dict[str, Any]) -> None:
        """One event."""
        self.stdout.write(json.dumps(event, ensure_ascii=False))
        self.stdout.flush()

    def status(self, options: dict[str, Any]) -> bool:
        """What runs."""
        return self.document(coursys_ops.status(conf.config()))

    def maintenance(self, options: dict[str, Any]) -> bool:
        """Whether the site is closed."""
        return self.document(coursys_ops.maintenance(conf.config()))

    def queues(self, options: dict[str, Any]) -> bool:
        """What waits."""
        return self.document(coursys_ops.queues(conf.config()))

    def health(self, options: dict[str, Any]) -> bool:
        """What the health view tells those who may see everything."""
        answer = health.look(max_age=0)
        self.stdout.write(health.as_text(health.HealthView.document(answer, whole=True)), ending="")
        return answer.healthy

    def config(self, options: dict[str, Any]) -> bool:
        """The configuration."""
        return self.document(conf.config().to_dict())

    def email_check(self, options: dict[str, Any]) -> bool:
        """One mail."""
        if not options["django"]:
            report = coursys_ops.email_check(conf.config(), options["address"])
            self.stdout.write(report.render("text"))
            return not sanity.bad_checks(report.to_dict())
        sent, message = panel.send_test_email(options["address"])
        self.stdout.write(message)
        return sent

    def document(self, answer: Any) -> bool:
        """Prints plain data, without secrets."""
        shown = Mask.of_settings().value(as_dict(answer))
        self.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False, default=str))
        return True
