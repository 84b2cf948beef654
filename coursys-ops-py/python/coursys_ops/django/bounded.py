"""The site's own code, which knows no deadline: called in a thread that is left alone when its time is over."""

from __future__ import annotations

import contextlib
import threading
from typing import Callable, TypeVar

Answer = TypeVar("Answer")


class NoAnswer(Exception):
    """It did not come back in time; the text says so and what to look at."""


def bounded(seconds: float, function: Callable[[], Answer]) -> Answer:
    """What the function returns, or raises; raises `NoAnswer` when it does not do so in this many seconds.

    It has a thread of its own, which does not keep the process alive and whose Django connections are closed. Python cannot
    end a thread: one that hangs goes on by itself.
    """
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

    threading.Thread(target=call, name="coursys_ops bounded", daemon=True).start()
    if not done.wait(seconds):
        raise NoAnswer(
            f"no answer within {seconds:g} s; see what it waits for, with `py-spy dump` or in the site's log"
        )
    if raised:
        raise raised[0]
    return returned[0]


def _close_connections() -> None:
    from django.db import connections

    # A connection that is broken is closed.
    with contextlib.suppress(Exception):
        connections.close_all()
