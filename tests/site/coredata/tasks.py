"""The tasks that the real site has under the same names, on the same queues."""

import os
import time
from datetime import datetime

from celery import shared_task
from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from log.logged_task import LoggedTask

from . import beat, dump, search
from .models import Person


@shared_task(base=LoggedTask, queue="fast")
def ping():
    """Shows that the worker of `fast` does its work."""
    return True


@shared_task(base=LoggedTask, queue="email")
def email_queue_ping():
    """Shows that the worker of `email` does its work."""
    return True


@shared_task(name="djcelery_email_send_multiple", bind=True, ignore_result=True, **settings.CELERY_EMAIL_TASK_CONFIG)
def send_emails(self, messages, backend_kwargs=None):
    """Sends mails, as the task of django-celery-email does: its result is ignored, and when a mail cannot be sent, it ends
    well and has already sent itself again, for later."""
    connection = get_connection(backend=settings.CELERY_EMAIL_BACKEND, **(backend_kwargs or {}))
    sent = 0
    for message in messages:
        try:
            sent += connection.send_messages([EmailMessage(**message)]) or 0
        except Exception as error:
            self.retry(([message], backend_kwargs), exc=error, throw=False)
    connection.close()
    return sent


@shared_task(base=LoggedTask, queue="fast")
def failing_task():
    """Fails on purpose."""
    raise RuntimeError("this task fails on purpose")


@shared_task(base=LoggedTask, queue="fast")
def beat_test():
    """Run by Celery beat: leaves the marker."""
    beat.store()


@shared_task(base=LoggedTask, queue="batch")
def backup_database(hold_s=0):
    """Dump the database into a file of mode 0600; `hold_s` seconds before that make the queue busy."""
    time.sleep(hold_s)
    return str(dump.write(datetime.now()))


@shared_task(base=LoggedTask, queue="batch")
def check_db_backup_create(backup_dir):
    """None if a file can be made in that directory, else why not."""
    return dump.unwritable(backup_dir)


@shared_task(base=LoggedTask, queue="batch")
def check_db_backup_free(backup_dir):
    """What passed and what failed of the space there, each a label and a text."""
    return dump.space(backup_dir)


@shared_task(base=LoggedTask, queue="sims")
def check_sims_task():
    """None if the reporting database answers in proper Unicode, else what is wrong. Here our own stands in for it."""
    name = Person.objects.values_list("last_name", flat=True).filter(emplid=200000001).first()
    if name is None:
        return "the person who is looked for is not there"
    return None if name == "Kääriäinen" else "returned incorrectly-decoded Unicode"


@shared_task(queue="fast")
def hold(path):
    """Keeps a child of the worker for as long as a file is there. Leaves no row: tests of busy queues use it."""
    while os.path.exists(path):
        time.sleep(0.05)


@shared_task(queue="fast")
def nap(seconds=7):
    """Keeps a child of the worker for some seconds. Leaves no row either."""
    time.sleep(seconds)


@shared_task(base=LoggedTask, queue="batch")
def haystack_rebuild():
    """Make the search index anew; it is empty for a moment."""
    return search.rebuild()


@shared_task(queue="fast")
def stamp(path, word, seconds=0):
    """Writes a word and the time into a file, after a nap: tests count what was done, and how often."""
    time.sleep(seconds)
    with open(path, "a") as out:
        out.write(f"{word} {time.time():f}\n")
