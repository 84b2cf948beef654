"""The site's own record of what it did: every page and every task leaves a row."""

import uuid

from django.db import models


class EventLogEntry(models.Model):
    """What all logs have; `time` is when the event began, naive local time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid1, editable=False)
    time = models.DateTimeField(db_index=True)
    duration = models.DurationField()
    data = models.JSONField()

    class Meta:
        abstract = True


class RequestLog(EventLogEntry):
    """A page that Django served."""

    username = models.CharField(max_length=32, null=True, db_index=True)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=1024)


class CeleryTaskLog(EventLogEntry):
    """A task that a Celery worker ran."""

    task = models.CharField(max_length=255, db_index=True)
