"""The checks of `coursys_ops` in the site, where the package is installed."""

import importlib.util
import os
from pathlib import Path

#: The Django app.
APP = "coursys_ops.django"

#: Beside the copy of the site that `cargo xtask servers up` makes: what only who started the servers can know.
CONFIGURATION = "coursys-ops.toml"

#: A file in the place of the database server, as in development.
SQLITE = os.environ.get("SITE_FIXTURE_SQLITE")


def is_installed() -> bool:
    """Whether the package is there."""
    return importlib.util.find_spec("coursys_ops") is not None


def options(site: Path) -> dict:
    """The setting `COURSYS_OPS`: who may see the panel, and the servers' configuration where there is one."""
    return {"PERMISSION": "coredata.views.is_sysadmin", **_configuration(site.parent / CONFIGURATION)}


def _configuration(path: Path) -> dict:
    try:
        configuration = _toml().loads(path.read_text(encoding="utf-8"))
    except (ImportError, OSError):
        # A site that somebody started by hand: its settings say enough.
        return {}
    if SQLITE:
        configuration.pop("database", None)
    for section in ("database", "broker", "search", "email"):
        # The site's settings have the password itself.
        configuration.get(section, {}).pop("password_file", None)
    return configuration


def _toml():
    """Python's own reader of TOML, which Python 3.10 and before do not have."""
    try:
        import tomllib
    except ImportError:
        import tomli as tomllib
    return tomllib
