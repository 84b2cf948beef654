"""What the settings say: `COURSYS_OPS`, and the configuration that comes of the site's own settings.

Keys of `COURSYS_OPS` in capitals are options of this app, one field of `Options` each. All others are keys of the
configuration as in its file, and win over what the site's settings say:

    COURSYS_OPS = {
        "DECORATOR": ("courselib.auth.requires_global_role", "SYSA"),
        "site": {"layout": "compose"},
        "checks": {"off": ["moss.*"]},
    }
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

SETTING = "COURSYS_OPS"


@dataclass(frozen=True)
class Options:
    """What the app does; each field is a key of `COURSYS_OPS` in capitals."""

    #: The latest tier of the panel, of `check_things` and of `deploy_checks()`.
    tier: str = "deploy"
    #: Seconds that a whole run may take.
    deadline: float = 15.0
    #: Ids or globs of checks that Django does not run.
    skip: tuple[str, ...] = ()
    #: Who may see the panel: the dotted path of a function that takes the request and returns whether it may.
    permission: str | None = None
    #: The same as a decorator of views: its dotted path, and the arguments that make it, if it takes any.
    decorator: tuple[Any, ...] = ()
    #: The template that the panel extends; the blocks `title`, `h1`, `headextra` and `content` are filled.
    base_template: str = "coursys_ops/base.html"
    #: Whether `manage.py check` makes the checks of tier sanity.
    system_check: bool = False
    #: Seconds that these may take.
    system_check_deadline: float = 5.0
    #: What the health view checks: ids or globs. What these need is checked too.
    health_checks: tuple[str, ...] = (
        "database.connection",
        "broker.connection",
        "cache.connection",
        "search.query",
        "celery.queue.fast",
    )
    #: Those of them that are told and make nobody unhealthy, with what is looked at for their sake alone: a search server
    #: does not answer while it starts, and finds nothing for a while.
    health_hints: tuple[str, ...] = ("search.query", "search.freshness")
    #: Seconds that the health view may take: that a worker is merely busy is known 5 s after what it needs was found well.
    #: Docker's own time-out is longer, 30 s.
    health_deadline: float = 8.0
    #: Seconds for which a process of the site repeats its last answer: strangers cannot make the servers busy.
    health_max_age: float = 5.0
    #: The HTTP status of a site that is not healthy.
    health_status: int = 503


def options() -> Options:
    """The options as the settings are now.

    Raises `ImproperlyConfigured` with the nearest name for an option that does not exist, and for a wrong type.
    """
    known = {field.name.upper(): field for field in fields(Options)}
    values: dict[str, Any] = {}
    for key, value in _setting().items():
        if not key.isupper():
            continue
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ImproperlyConfigured(f"{SETTING}[{key!r}] is no option{hint}")
        values[known[key].name] = _typed(key, value, known[key].default)
    return Options(**values)


def name_of(option: str) -> str:
    """How messages call an option: by what is written in the settings."""
    return f"{SETTING}[{option.upper()!r}]"


def search_word() -> str:
    """The word that every filled index finds, `search.query` of the configuration."""
    settings = config().to_dict()["settings"]
    return str(next(setting["value"] for setting in settings if setting["key"] == "search.query"))


def overrides() -> dict[str, Any]:
    """The keys of the configuration that `COURSYS_OPS` sets, nested as in the configuration file."""
    return {key: value for key, value in _setting().items() if not key.isupper()}


def config() -> Any:
    """The `coursys_ops.Config` of this site, made once in a process. Raises `coursys_ops.Error` when it is wrong.

    It remembers what outside services said a moment ago, so that they are not asked again by each visitor of the panel.
    """
    global _config
    if _config is None:
        import coursys_ops

        _config = coursys_ops.Config.from_django(overrides=overrides())
    return _config


_config: Any = None


@receiver(setting_changed)
def _forget(**_: Any) -> None:
    """Tests change settings."""
    global _config
    _config = None


def _setting() -> dict[str, Any]:
    value = getattr(settings, SETTING, None) or {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ImproperlyConfigured(f"{SETTING} must be a dict with texts as keys")
    return value


def _typed(key: str, value: Any, default: Any) -> Any:
    """The value in the type of the option's default."""
    if isinstance(default, tuple):
        if isinstance(value, str):
            return (value,)
        if isinstance(value, (list, tuple)):
            return tuple(value)
        raise ImproperlyConfigured(f"{SETTING}[{key!r}] must be a list")
    if isinstance(default, bool):
        fits = isinstance(value, bool)
    elif isinstance(default, (int, float)):
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        if fits and value < 0:
            raise ImproperlyConfigured(f"{SETTING}[{key!r}] must not be negative")
    else:
        fits = isinstance(value, str) or (value is None and default is None)
    if not fits:
        wanted = "a text" if default is None else f"of type {type(default).__name__}"
        raise ImproperlyConfigured(f"{SETTING}[{key!r}] must be {wanted}")
    return value
