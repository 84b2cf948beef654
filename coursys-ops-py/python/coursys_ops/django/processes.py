"""The busy processes of this machine, read from `/proc`."""

from __future__ import annotations

import os
import pwd
import time
from typing import Any, Iterator, NamedTuple

from django.utils.html import format_html, format_html_join

from .mask import Mask

#: Seconds between the two looks; load in a shorter time says little.
INTERVAL_S = 2.0
#: Longer command lines are cut; the whole one is their title.
COMMAND_WIDTH = 80
MIB = 1024 * 1024
STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "disk-sleep",
    "T": "stopped",
    "t": "tracing-stop",
    "Z": "zombie",
    "X": "dead",
    "I": "idle",
}

_HEAD = format_html(
    "<thead><tr>{}</tr></thead>",
    format_html_join(
        "", "<th>{}</th>", [(head,) for head in ("PID", "Owner", "CPU %", "VM Use (MB)", "Status", "Command")]
    ),
)


class _Look(NamedTuple):
    """What `/proc/PID/stat` said."""

    name: str
    state: str
    ticks: int
    memory: int
    started: int


def ps_info(interval: float = INTERVAL_S) -> list[tuple[str, Any]]:
    """The load, the percentage of all processes, and a table of those that did something within `interval` seconds."""
    mask = Mask.of_settings()
    before, then = dict(_looks()), time.monotonic()
    time.sleep(interval)
    passed = max(time.monotonic() - then, 1e-3) * os.sysconf("SC_CLK_TCK")
    rows, total = [], 0.0
    for pid, now in _looks():
        was = before.get(pid)
        if was is None or was.started != now.started or now.ticks <= was.ticks:
            continue
        percent = 100 * (now.ticks - was.ticks) / passed
        total += percent
        command = _command(pid, mask) or mask.text(now.name)
        state = STATES.get(now.state, now.state)
        size = f"{now.memory / MIB:.1f}"
        rows.append((percent, (pid, _owner(pid), f"{percent:.1f}", size, state, _shortened(command))))
    rows.sort(key=lambda row: -row[0])
    cells = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
    body = format_html_join("", cells, [row for _, row in rows])
    table = format_html('<table id="procs">{}<tbody>{}</tbody></table>', _HEAD, body)
    return [
        ("System Load", os.getloadavg()),
        ("CPU Percent", round(total, 1)),
        ("Running Processes", table),
    ]


def _looks() -> Iterator[tuple[int, _Look]]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    text = file.read()
            except OSError:
                continue  # It has ended.
            # The name is in brackets and may hold any character, brackets among them.
            name = text[text.find("(") + 1 : text.rfind(")")]
            fields = text[text.rfind(")") + 2 :].split()
            # man 5 proc: state is field 3, utime 14, stime 15, starttime 22, vsize 23.
            ticks = int(fields[11]) + int(fields[12])
            yield int(entry), _Look(name, fields[0], ticks, int(fields[20]), int(fields[19]))


def _command(pid: int, mask: Mask) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            raw = file.read()
    except OSError:
        return ""
    return mask.arguments(raw.decode("utf-8", "replace").rstrip("\0").split("\0")) if raw else ""


def _owner(pid: int) -> str:
    try:
        uid = os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return "?"
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _shortened(command: str) -> str:
    if len(command) <= COMMAND_WIDTH:
        return command
    return format_html('<span title="{}">{}…</span>', command, command[: COMMAND_WIDTH - 5])
