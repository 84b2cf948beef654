"""What to check: the configuration, from a file, from values or from Django's settings."""

from __future__ import annotations

import os

from . import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping


class Config:
    """A configuration, checked and complete. Make one with :meth:`from_path`, :meth:`from_dict` or :meth:`from_django`.

    The layers are those of the program: the layout's profile < the site's own variables < the file, or what stands in its
    place < the environment (``COURSYS_OPS_SECTION__KEY``) < ``overrides``. It cannot be changed. Keep it: checks of outside
    services are not run again within minutes for the same ``Config``, but tell what they found last.
    """

    __slots__ = ("_loaded", "notes")

    _loaded: _native.Config
    #: What was left out of Django's settings, and why.
    notes: tuple[str, ...]

    def __init__(self) -> None:
        raise TypeError("use Config.from_path, Config.from_dict or Config.from_django")

    @classmethod
    def _of(cls, native: _native.Config, notes: tuple[str, ...] = ()) -> Config:
        config = object.__new__(cls)
        object.__setattr__(config, "_loaded", native)
        object.__setattr__(config, "notes", notes)
        return config

    @classmethod
    def from_path(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        layout: str | None = None,
        overrides: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Config:
        """Reads a file; without a path the one that the program would take.

        ``overrides`` are dotted keys with their values, as of ``--set``. Raises :class:`ConfigError`.
        """
        sets = [f"{key}={_text(value)}" for key, value in (overrides or {}).items()]
        file = None if path is None else os.fspath(path)
        return cls._of(_native.Config.from_path(file, layout, sets, _environ(environ)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, environ: Mapping[str, str] | None = None) -> Config:
        """Takes sections and keys as a file has them: ``{"site": {"layout": "vm"}, "database": {"host": …}}``.

        Raises :class:`ConfigError`.
        """
        return cls._of(_native.Config.from_values(_json(values), _environ(environ)))

    @classmethod
    def from_django(
        cls,
        settings: Any = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Config:
        """Takes what Django's settings say of database, broker, cache, search, mail, files and hosts.

        ``overrides`` are sections and keys as of :meth:`from_dict` that count more; without them the setting
        ``COURSYS_OPS`` does, but for its names in capitals. No file is read. Raises :class:`ConfigError`.
        """
        if settings is None:
            import django.conf  # type: ignore[import-not-found,import-untyped,unused-ignore]

            settings = django.conf.settings
        if overrides is None:
            said = getattr(settings, "COURSYS_OPS", None) or {}
            # Names in capitals are options of the Django app.
            overrides = {name: value for name, value in said.items() if not name.isupper()}
        environment = _environ(environ)
        reader: dict[str, Any] = {}
        exec(compile(_native.settings_reader(), "<coursys_ops: the settings>", "exec"), reader)
        answer = reader["settings_of"](settings)
        site = _site(settings, environment)
        native, notes = _native.Config.from_settings(_json(answer), _json(site), _json(overrides), environment)
        return cls._of(native, tuple(notes))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Config cannot be changed")

    def __repr__(self) -> str:
        return f"<Config of layout {self.layout!r}>"

    @property
    def layout(self) -> str:
        """The layout of the deployment: ``vm``, ``compose`` or ``devel``."""
        return self._loaded.layout

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful in it: how secrets are kept, mostly."""
        return tuple(self._loaded.warnings)

    def to_dict(self) -> dict[str, Any]:
        """Every key that has a value, with its origin; secrets are redacted."""
        import json

        shown: dict[str, Any] = json.loads(self._loaded.show())
        return shown


def _site(settings: Any, environment: Mapping[str, str]) -> dict[str, Any]:
    """What the process itself knows of the site that it is."""
    import sys

    directory = getattr(settings, "BASE_DIR", None) or os.getcwd()
    site: dict[str, Any] = {"dir": os.path.abspath(os.fspath(directory)), "python": sys.executable}
    if os.geteuid() != 0:
        # Who runs the site is this process's user.
        import pwd

        try:
            site["user"] = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            pass
    if getattr(settings, "DEPLOY_MODE", None) == "devel":
        site["layout"] = "devel"
    return {"site": site}


def _environ(environ: Mapping[str, str] | None) -> dict[str, str]:
    """The environment, as far as it is text."""
    source = os.environ if environ is None else environ
    return {name: value for name, value in source.items() if _is_text(name) and _is_text(value)}


def _is_text(text: str) -> bool:
    """Whether it holds no byte that was none of its encoding."""
    return not any("\udc80" <= c <= "\udcff" for c in text)


def _text(value: Any) -> str:
    """A value as the command line has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, os.PathLike):
        return str(os.fspath(value))
    return _json(value)


def _json(value: Any) -> str:
    """A value as JSON; paths become texts."""
    import json

    def plain(value: Any) -> Any:
        if hasattr(value, "__fspath__"):
            return os.fspath(value)
        if isinstance(value, (set, frozenset)):
            return sorted(value)
        if hasattr(value, "keys"):
            return dict(value)
        # Lazy texts of Django's, for one.
        return str(value)

    return json.dumps(value, default=plain)
