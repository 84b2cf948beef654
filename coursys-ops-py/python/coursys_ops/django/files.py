"""Questions to the file system with the names and answers that the site's own tasks expect of its `panel.py`."""

from __future__ import annotations

import os
import tempfile
from typing import List, Tuple

Pairs = List[Tuple[str, str]]

GIB = 1024**3


def check_file_create(directory: str) -> str | None:
    """Why no file can be created in the directory; `None` when one can.

    The file has no name where the system has such files, so that nothing stays behind whatever happens.
    """
    if not os.path.isdir(directory):
        return "directory does not exist"
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"test file: may safely delete")
            file.flush()
    except OSError as error:
        return f"could not write to a file: {error.strerror}"
    return None


def check_free_space(directory: str, label: str, min_gb: float) -> tuple[Pairs, Pairs]:
    """What passed and what failed: whether more than `min_gb` GiB are free for others than root."""
    title = f"Space in {label}"
    try:
        status = os.statvfs(directory)
    except OSError as error:
        reason = "directory does not exist" if isinstance(error, FileNotFoundError) else str(error.strerror)
        return [], [(title, reason)]
    free = status.f_bavail * status.f_frsize / GIB
    if free > min_gb:
        return [(title, f"okay ({free:.1f} GB)")], []
    return [], [(title, f"Low: {free:.1f} GB")]
