"""A run of checks as a stream of JSON lines: each event as it comes, then how the run ended."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any, Iterator

import coursys_ops

from . import conf
from .mask import Mask
from .sanity import run

#: Seconds beyond the deadline after which the native half is given up.
GRACE_S = 5.0

#: Seconds that a run gets to notice that its reader is gone.
FAREWELL_S = 2.0


class _ReaderGone(Exception):
    """Nobody reads the events any more; it cancels the run."""


def events(tier: str | None = None) -> Iterator[bytes]:
    """Runs the checks and yields their events, one JSON document on each line.

    The last line is `{"event": "report", "report": …}` or `{"event": "error", "message": …}`. When the reader goes away
    the run is cancelled.
    """
    told: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    gone = threading.Event()
    options, mask = conf.options(), Mask.of_settings()

    def on_event(event: dict[str, Any]) -> None:
        if gone.is_set():
            raise _ReaderGone
        told.put(event)

    def work() -> None:
        try:
            report = run(tier, on_event=on_event)
            told.put({"event": "report", "report": report.to_dict()})
        except _ReaderGone:
            pass
        except coursys_ops.Error as error:
            told.put({"event": "error", "message": mask.text(error)})
        except Exception as error:  # noqa: BLE001 (the page says what broke, also when it is ours)
            told.put({"event": "error", "message": mask.text(f"{type(error).__name__}: {error}")})
        finally:
            told.put(None)

    thread = threading.Thread(target=work, name="coursys-ops-panel", daemon=True)
    thread.start()
    try:
        while True:
            try:
                event = told.get(timeout=options.deadline + GRACE_S)
            except queue.Empty:
                event = {"event": "error", "message": "the checks did not come back"}
                yield line(event)
                return
            if event is None:
                return
            yield line(event)
    finally:
        gone.set()
        thread.join(FAREWELL_S)


def line(event: dict[str, Any]) -> bytes:
    """One event as a line."""
    return json.dumps(event, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
