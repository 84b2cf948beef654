"""The native half: conversion only. What is documented and stable is in `coursys_ops` itself."""

import os
from typing import Any, Callable, Dict, Final, List, Optional, Sequence, Tuple, final

from typing_extensions import TypeAlias

__all__ = [
    "Config",
    "Reply",
    "SCHEMA",
    "VERSION",
    "check",
    "checks",
    "codes",
    "maintenance",
    "nagios_code",
    "queues",
    "render",
    "serve",
    "settings_reader",
    "status",
]

SCHEMA: Final = 1
VERSION: Final[str]

_Registered: TypeAlias = Sequence[Tuple[str, Callable[["Reply"], Any]]]

@final
class Config:
    @property
    def layout(self) -> str: ...
    @property
    def warnings(self) -> List[str]: ...
    @staticmethod
    def from_path(
        path: Optional[str | os.PathLike[str]],
        layout: Optional[str],
        set: Sequence[str],
        environment: Dict[str, str],
    ) -> Config: ...
    @staticmethod
    def from_values(values: str, environment: Dict[str, str]) -> Config: ...
    @staticmethod
    def from_settings(
        settings: str, site: str, values: str, environment: Dict[str, str]
    ) -> Tuple[Config, List[str]]: ...
    def show(self) -> str: ...

@final
class Reply:
    def send(self, findings: str) -> bool: ...

def check(
    config: Config,
    registered: _Registered,
    *,
    helper: Sequence[str],
    tier: Optional[str],
    only: Sequence[str],
    skip: Sequence[str],
    deadline: float,
    read_only: bool,
    strict: bool,
    mail_to: Optional[str],
    here: bool,
    on_event: Optional[Callable[[str], Any]],
) -> Tuple[str, List[str]]: ...
def checks(config: Config, registered: _Registered) -> str: ...
def codes() -> List[Tuple[str, str]]: ...
def maintenance(config: Config, *, helper: Sequence[str]) -> str: ...
def nagios_code(report: str, *, strict: bool = False) -> int: ...
def queues(config: Config, *, helper: Sequence[str]) -> str: ...
def render(report: str, format: str, *, width: int = 100, verbose: bool = False, strict: bool = False) -> str: ...
def serve(arguments: Sequence[str]) -> int: ...
def settings_reader() -> str: ...
def status(config: Config, *, helper: Sequence[str], full: bool) -> str: ...
