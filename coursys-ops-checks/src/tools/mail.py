import time

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

try:
    from celery import current_app, signals, uuid
except ImportError:
    signals = None

started = time.monotonic()
# The tasks that are to send the mail, each with the one that brings back what it returned.
tasks = []


def follow(headers=None, body=None, declare=None, routing_key=None, **_):
    """Asks for what a task returns: those of mails ignore their results, and are done also when they could not send a
    mail and try again later. A callback is a task that runs when the other is done, and returns what that one did."""
    echo = uuid()
    # Looking for a result makes the queue in which it is to come.
    current_app.AsyncResult(echo).state
    queue = declare[0].name if declare else routing_key
    options = {"task_id": echo, "queue": queue, "reply_to": current_app.thread_oid, "ignore_result": False}
    callback = current_app.signature("celery.accumulate", kwargs={"index": 0}, options=options)
    body[2]["callbacks"] = [*(body[2].get("callbacks") or []), dict(callback)]
    headers["ignore_result"] = False
    tasks.append((headers["id"], echo))


def outcome(task, echo):
    """How a task ended, with what went wrong; nothing while it has not ended."""
    word = current_app.AsyncResult(echo)
    if word.state == "SUCCESS":
        # How many mails were sent, where somebody counts.
        return ("UNSENT" if word.result == 0 else "SUCCESS"), None
    own = current_app.AsyncResult(task)
    if own.state in ("FAILURE", "REVOKED", "RETRY"):
        return own.state, None if own.state == "REVOKED" else said(own.result)
    return None


def said(error):
    return f"{type(error).__name__}: {error}"[:300]


def trouble():
    """What the mail server, or Python, has against the backend that the workers use."""
    name = getattr(settings, "CELERY_EMAIL_BACKEND", None)
    if not name:
        return None
    try:
        backend = get_connection(backend=name, timeout=5)
        backend.open()
        backend.close()
    except Exception as error:
        return said(error)
    return None


def send():
    backend = get_connection()
    kind = type(backend)
    answer["backend"] = f"{kind.__module__}.{kind.__name__}"
    if signals:
        signals.before_task_publish.connect(follow)
    sent = backend.send_messages([EmailMessage(ask["subject"], ask["body"], None, [ask["to"]])])
    if not tasks:
        answer["state"] = "SENT" if sent else "NOT SENT"
        return
    ends = {}
    while len(ends) < len(tasks) and time.monotonic() - started < ask["patience"]:
        for task, echo in tasks:
            end = ends.get(task) or outcome(task, echo)
            if end:
                ends[task] = end
        time.sleep(0.05)
    bad = [end for end in ends.values() if end[0] != "SUCCESS"]
    if bad:
        answer["state"], answer["error"] = bad[0]
        answer["error"] = answer["error"] or trouble()
    elif len(ends) == len(tasks):
        answer["state"] = "SUCCESS"


account = {"user": "EMAIL_HOST_USER", "password": "EMAIL_HOST_PASSWORD"}
answer = {
    "backend": "",
    "state": "PENDING",
    "error": None,
    "beyond_ascii": [word for word, name in account.items() if not str(getattr(settings, name, "") or "").isascii()],
}
try:
    send()
except Exception as error:
    answer["state"], answer["error"] = "REFUSED", said(error)
answer["seconds"] = time.monotonic() - started
if tasks:
    try:
        # Nobody else knows the queue of the answers.
        with current_app.pool.acquire_channel(block=True) as (_, channel):
            channel.queue_delete(current_app.thread_oid)
    except Exception:
        pass
