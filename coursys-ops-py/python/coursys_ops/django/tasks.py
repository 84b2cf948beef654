"""Where Celery's `autodiscover_tasks` looks for the tasks of an app."""

from coursys_ops.celery import run_checks

__all__ = ["run_checks"]
