"""The Celery application. Workers: `python -m celery -A site_fixture worker -Q QUEUE -n QUEUE@HOST`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_fixture.settings")

app = Celery("site_fixture")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
