"""The site's own code, which knows no deadline: called in a thread that is left alone when its time is over."""

from __future__ import annotations

import contextlib
import threading
from typing import Callable, TypeVar

Answer = TypeVar("Answer")

_LOOK = "see what it waits for, with `py-spy dump` or in the site's log"


#: What was left alone and may still hang. A process that was forked has no such threads, and its copies are not alive.
_left_alone: dict[str, threading.Thread] = {}


class NoAnswer(Exception):
    """It did not come back in time; the text says so and what to look at."""


def bounded(what: str, seconds: float, function: Callable[[], Answer]) -> Answer:
    """What the function returns, or raises; raises `NoAnswer` when it does not do so in this many seconds.

    It has a thread of its own, which does not keep the process alive and whose Django connections are closed. Python cannot
    end a thread: one that hangs goes on by itself. While it does, the same is not begun again, which raises `NoAnswer` at
    once: a probe that asks every few seconds would take one connection after the other.
    """
    hung = _left_alone.get(what)
    if hung and hung.is_alive():
        raise NoAnswer(f"an earlier try has not come back yet; {_LOOK}")
    returned: list[Answer] = []
    raised: list[BaseException] = []
    done = threading.Event()

    def call() -> None:
        try:
            returned.append(function())
        except BaseException as error:  # noqa: BLE001 (it is raised where the answer is waited for)
            raised.append(error)
        finally:
            # Not before the connections are closed: who waits may delete the database next.
            _close_connections()
            done.set()

    thread = threading.Thread(target=call, name=f"coursys_ops {what}", daemon=True)
    thread.start()
    if not done.wait(seconds):
        _left_alone[what] = thread
        raise NoAnswer(f"no answer within {seconds:g} s; {_LOOK}")
    if raised:
        raise raised[0]
    return returned[0]


def _close_connections() -> None:
    from django.db import connections

    # A connection that is broken is closed.
    with contextlib.suppress(Exception):
        connections.close_all()
