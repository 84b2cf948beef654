"""What the Celery workers of the tests do: a task is a call. Messages are files, so that no broker sees any of it."""

import os

from celery import Celery
from support import look, settled, site

PLACE = os.environ["COURSYS_TEST_PLACE"]

app = Celery("celery_app", broker="filesystem://", backend=f"file://{PLACE}/results")
app.conf.update(
    broker_transport_options={
        "data_folder_in": f"{PLACE}/messages",
        "data_folder_out": f"{PLACE}/messages",
        "control_folder": f"{PLACE}/control",
    },
    worker_send_task_events=False,
)

CONFIG = site()
look(CONFIG)


@app.task
def call(settle=False):
    """Says what was wrong, and what the child has open."""
    return {"wrong": look(CONFIG), "open": settled() if settle else None}
