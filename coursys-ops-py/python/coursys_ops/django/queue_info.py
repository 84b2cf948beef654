"""What Celery's workers do, and what waits for them."""

from __future__ import annotations

from typing import Any, List, Tuple

import coursys_ops

from . import conf
from .mask import Mask

Info = List[Tuple[str, Any]]


def celery_info() -> Info:
    """For each node what it does and how much it holds for later, for each queue what waits in it.

    The arguments of tasks are left out: they are about people, and some are secrets.
    """
    mask = Mask.of_settings()
    try:
        queues = as_dict(coursys_ops.queues(conf.config()))
    except coursys_ops.Error as error:
        return [("Error", mask.text(f"Could not inspect Celery: {error}"))]
    active: dict[str, list[str]] = {}
    scheduled: dict[str, int] = {}
    info: Info = []
    for queue in queues["queues"]:
        for node in queue["nodes"]:
            active.setdefault(node, [])
            scheduled.setdefault(node, 0)
        for task in queue["active"] or []:
            active.setdefault(task["node"], []).append(_task(task))
        for task in queue["scheduled"] or []:
            scheduled[task["node"]] = scheduled.get(task["node"], 0) + 1
        info.append((f"{queue['name']} waiting", _waiting(queue)))
    info.extend((f"{node} active", "; ".join(tasks) or "None") for node, tasks in active.items())
    info.extend((f"{node} scheduled", count) for node, count in scheduled.items())
    if not active:
        info.append(("Error", "No worker answers: Celery may be down."))
    info.sort(key=lambda pair: pair[0])
    info.extend(("Note", mask.text(note)) for note in queues["notes"])
    return info


def as_dict(answer: Any) -> dict[str, Any]:
    """The answer of the native half as plain data."""
    return answer if isinstance(answer, dict) else answer.to_dict()


def _task(task: dict[str, Any]) -> str:
    age = task.get("age_s")
    return task["name"] if age is None else f"{task['name']} ({age:.0f} s)"


def _waiting(queue: dict[str, Any]) -> Any:
    if not queue["exists"]:
        return "no such queue"
    return "unknown" if queue["ready"] is None else queue["ready"]
