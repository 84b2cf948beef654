"""What is told for information: settings, environment, packages, the code's revision, the reporting database."""

from __future__ import annotations

import os
import pprint
from pathlib import Path
from typing import Any, List, Tuple

from django.conf import settings
from django.utils.html import format_html

from .bounded import NoAnswer, bounded
from .mask import Mask

Info = List[Tuple[str, Any]]

#: Lines are cut there; a page that prints wider ones scrolls.
WIDTH = 100

#: A file of git's that is larger is none of what is looked for here.
MAX_GIT_FILE = 8 * 1024 * 1024

#: Seconds that the reporting database may take: it is far away, and a lost connection is noticed by nobody.
CSRPT_S = 20.0


def settings_info() -> Info:
    """The settings that say what kind of deployment this is; nothing of it is secret."""
    mask = Mask.of_settings()
    info: Info = []

    def tell(label: str, *path: str) -> None:
        value: Any = settings
        for step in path:
            value = value.get(step) if isinstance(value, dict) else getattr(value, step, None)
            if value is None:
                return
        if not callable(value):
            info.append((label, mask.value(value)))

    tell("Deploy mode", "DEPLOY_MODE")
    tell("Database engine", "DATABASES", "default", "ENGINE")
    tell("Authentication Backends", "AUTHENTICATION_BACKENDS")
    tell("Cache backend", "CACHES", "default", "BACKEND")
    tell("Haystack engine", "HAYSTACK_CONNECTIONS", "default", "ENGINE")
    tell("Email backend", "EMAIL_BACKEND")
    if getattr(settings, "CELERY_EMAIL", False):
        tell("Celery email backend", "CELERY_EMAIL_BACKEND")
    broker = getattr(settings, "CELERY_BROKER_URL", None)
    if broker:
        info.append(("Celery broker", mask.text(str(broker).split(":")[0])))
    tell("Email host", "EMAIL_HOST")
    for name in ("DATABASES", "CACHES", "HAYSTACK_CONNECTIONS"):
        if hasattr(settings, name):
            info.append((name, preformatted(mask.value(getattr(settings, name), name))))
    return info


def environ_info() -> Info:
    """The environment of this process, by name; secrets hidden whatever their variables are called."""
    mask = Mask.of_settings()
    return sorted((mask.text(name), mask.value(value, name)) for name, value in os.environ.items())


def pip_info() -> Info:
    """The installed packages as `pip freeze` lists them, without starting a process."""
    from importlib.metadata import distributions

    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name:
            # The first one on the path is the one that is imported.
            found.setdefault(name.lower().replace("_", "-"), f"{name}=={distribution.version}")
    return [("PIP freeze", preformatted("\n".join(found[name] for name in sorted(found))))]


def csrpt_info() -> Info:
    """How fresh the reporting database looks, by the site's own questions."""
    try:
        from coredata.queries import csrpt_update
    except ImportError:
        return [("SIMS problem", "this site has no coredata.queries.csrpt_update, or not what it imports")]
    mask = Mask.of_settings()
    try:
        # A list, in there: it may ask the database for each row.
        answer = bounded("reporting database", CSRPT_S, lambda: list(csrpt_update()))
        return [(mask.text(label), mask.value(value)) for label, value in answer]
    except NoAnswer as error:
        return [("SIMS problem", f"the reporting database: {error}")]
    except Exception as error:  # noqa: BLE001 (drivers raise what they like, with connection strings in it)
        return [("SIMS problem", mask.text(error))]


def git_branch() -> bytes:
    """The branch that is checked out, as `git rev-parse --abbrev-ref HEAD` prints it: `HEAD` when there is none."""
    head = _head(_git_dir())
    branch = head[len("ref: refs/heads/") :] if head.startswith("ref: refs/heads/") else "HEAD"
    return branch.encode() + b"\n"


def git_revision() -> bytes:
    """The commit that is checked out, as `git rev-parse HEAD` prints it.

    The files are read and git is not started: hooks and settings of a tree that others write run in nobody's name.
    Raises `OSError` where there is no clone or no commit.
    """
    git_dir = _git_dir()
    head = _head(git_dir)
    if not head.startswith("ref: "):
        return head.encode() + b"\n"
    name = head[len("ref: ") :]
    if ".." in name or name.startswith("/"):
        raise OSError("git's HEAD names no branch")
    shared = _shared(git_dir)
    for directory in (git_dir, shared):
        path = directory / name
        if path.is_file():
            return _read(path).encode() + b"\n"
    for line in _read(shared / "packed-refs").splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name:
            return commit.encode() + b"\n"
    raise OSError("the branch has no commit yet")


def preformatted(value: Any) -> str:
    """The value in an HTML `pre`, escaped."""
    text = value if isinstance(value, str) else pprint.pformat(value, width=WIDTH)
    return format_html("<pre>{}</pre>", text)


def _git_dir() -> Path:
    start = Path(getattr(settings, "BASE_DIR", None) or os.getcwd()).resolve()
    for directory in (start, *start.parents):
        git = directory / ".git"
        if git.is_dir():
            return git
        if git.is_file():
            return (directory / _read(git)[len("gitdir: ") :]).resolve()
    raise FileNotFoundError("the site's code is no git clone")


def _shared(git_dir: Path) -> Path:
    common: Path | None = git_dir / "commondir"
    return (git_dir / _read(common)).resolve() if common and common.is_file() else git_dir


def _head(git_dir: Path) -> str:
    return _read(git_dir / "HEAD")


def _read(path: Path) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(MAX_GIT_FILE).strip()
