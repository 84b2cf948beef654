"""Mails go by a task, as on the real site, which has a package for it."""

from django.core.mail.backends.base import BaseEmailBackend


class Backend(BaseEmailBackend):
    """Hands mails to the queue of mails; returns the tasks."""

    def send_messages(self, email_messages):
        from .tasks import send_emails

        fields = ("subject", "body", "from_email", "to")
        return [send_emails.delay([{name: getattr(mail, name) for name in fields}]) for mail in email_messages]
