"""The checks of a CourSys deployment, called from Python.

>>> import coursys_ops
>>> report = coursys_ops.check(coursys_ops.Config.from_path("/etc/coursys-ops/config.toml"))
>>> report.ok
True

Every call is synchronous, works before and after a fork, in threads and pools, and leaves no thread, connection or process
behind. The words are those of the program ``coursys-ops``: check, finding, status, code, hint, tier.
"""

from __future__ import annotations

from ._checks import register_check, registered_checks, unregister_check
from ._config import Config
from ._errors import CheckAbandoned, ConfigError, Error, UsageError
from ._finding import Finding, Measurement
from ._native import VERSION as __version__
from ._native import codes
from ._report import CheckReport, Fact, Report, Run, Summary
from ._run import check, email_check, list_checks, maintenance, queues, status

__all__ = [
    "CheckAbandoned",
    "CheckReport",
    "Config",
    "ConfigError",
    "Error",
    "Fact",
    "Finding",
    "Measurement",
    "Report",
    "Run",
    "Summary",
    "UsageError",
    "__version__",
    "check",
    "codes",
    "email_check",
    "list_checks",
    "maintenance",
    "queues",
    "register_check",
    "registered_checks",
    "status",
    "unregister_check",
]
