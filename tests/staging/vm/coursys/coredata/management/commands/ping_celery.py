"""What cron runs every hour: says nothing when a worker answers."""

from django.core.management.base import BaseCommand, CommandError

from coredata.tasks import ping

TIMEOUT_S = 60


class Command(BaseCommand):
    help = "Complain unless a Celery worker answers."

    def handle(self, *args, **options):
        try:
            answer = ping.apply_async().get(timeout=TIMEOUT_S)
        except Exception as error:  # Whatever it is, cron mails one line.
            raise CommandError(f"no answer from Celery: {type(error).__name__}") from error
        if answer is not True:
            raise CommandError("Celery gave a wrong answer")
