"""The class of the site's own tasks."""

from datetime import datetime

from celery import Task

from .models import CeleryTaskLog


class LoggedTask(Task):
    """Saves a row for each run, also for one that fails. Celery's built-in tasks are not of this class."""

    def __call__(self, *args, **kwargs):
        data = {"queue": self.queue}
        start = datetime.now()
        try:
            return super().__call__(*args, **kwargs)
        except Exception as error:
            data |= {"exception": type(error).__name__, "exception_message": str(error)}
            raise
        finally:
            CeleryTaskLog.objects.create(task=self.name, time=start, duration=datetime.now() - start, data=data)
