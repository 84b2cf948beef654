"""The test mail, sent as the site itself sends mail."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from .bounded import NoAnswer, bounded
from .mask import Mask

SUBJECT = "check_things test message"
BODY = "This is a test message: whoever reads it knows that the site's mail gets through."

#: Seconds; Django's own default is to wait for ever.
TIMEOUT_S = 10

#: Seconds for everything: a backend of the site's own may wait for its broker, and a mail server answers line by line.
WHOLE_S = 30


def send_test_email(email: str) -> tuple[bool, str]:
    """Sends one mail through the site's mail backend; returns whether it was taken, and a line for people.

    A backend that hands mail to Celery has taken it once it is in the queue.
    """
    mask = Mask.of_settings()
    try:
        validate_email(email)
    except ValidationError:
        return False, "this is no e-mail address"

    def send() -> Any:
        connection: Any = get_connection(fail_silently=False)
        if getattr(connection, "timeout", 0) is None:
            connection.timeout = TIMEOUT_S
        return EmailMessage(SUBJECT, BODY, settings.DEFAULT_FROM_EMAIL, [email], connection=connection).send()

    try:
        sent = bounded("mail", WHOLE_S, send)
    except NoAnswer as error:
        return False, f"the site's mail backend: {error}"
    except Exception as error:  # noqa: BLE001 (each backend raises its own: sockets, SMTP, the broker)
        return False, mask.text(f"{type(error).__name__}: {error}")
    if sent == 0:
        return False, "the mail backend took no message"
    return True, f"Message sent to {email}."
