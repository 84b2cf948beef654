"""The task `coursys_ops.run_checks`: a worker makes checks that must run where it is.

Celery's `autodiscover_tasks()` finds it when the app `coursys_ops.django` is installed.
"""

from __future__ import annotations

from typing import Any

from celery import shared_task

#: The name by which the task is sent.
TASK = "coursys_ops.run_checks"

#: The shape of the answer.
SCHEMA = 1


@shared_task(name=TASK, bind=True, ignore_result=False, acks_late=False, max_retries=0)
def run_checks(self: Any, ids: list[str], deadline: float) -> dict[str, Any]:
    """Makes the checks of these ids in this worker, by its own configuration, and returns the report as plain data. None of
    them is sent on, whatever that configuration says.

    Nothing but ids and a deadline (seconds) is sent: no configuration, no secret. Raises nothing: what keeps the checks
    from running, the site's settings among it, is told under `error`.
    """
    from django.core.exceptions import ImproperlyConfigured

    import coursys_ops
    from coursys_ops.django import conf
    from coursys_ops.django.mask import Mask

    answer: dict[str, Any] = {"schema": SCHEMA, "worker": self.request.hostname, "report": None, "error": None}
    try:
        report = coursys_ops.check(conf.config(), only=list(ids), deadline=float(deadline), here=True)
    except (coursys_ops.Error, ImproperlyConfigured) as error:
        answer["error"] = Mask.of_settings().text(error)
    else:
        answer["report"] = report.to_dict()
    return answer
