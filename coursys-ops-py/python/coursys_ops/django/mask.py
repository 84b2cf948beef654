"""Takes secrets out of everything that is shown: nested settings, URLs, the environment, command lines, errors.

Three nets, one below the other: what has a secret's name is hidden; passwords and queries of URLs, and what follows
`password=` in a text, are hidden wherever they are; and the secrets that the settings hold are hidden in every text,
also encoded as URLs, JSON, HTML or base64.
"""

from __future__ import annotations

import base64
import html
import json
import re
from typing import Any, Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "*****"

#: Shorter secrets are in too many words to be searched for.
MIN_LENGTH = 4

#: Settings nest a few levels; deeper is a circle or not for people.
MAX_DEPTH = 12

_SECRET_ANYWHERE = re.compile(
    r"passw|passphrase|passwd|secret|token|credential|api_?key|access_?key|private_?key", re.IGNORECASE
)
_SECRET_WORDS = {"pass", "pwd", "pw", "salt", "sig", "signature", "dsn", "nonce"}
_SECRET_LAST_WORDS = {"auth", "key", "keys"}

_URL_LOGIN = re.compile(r"([a-z][a-z0-9+.-]*://)([^\s:/@'\"<>]*):([^\s'\"<>]*)@", re.IGNORECASE)
_WEB_LOGIN = re.compile(r"(https?://)[^\s:/@'\"<>?]+@", re.IGNORECASE)
_URL_QUERY = re.compile(r"([a-z][a-z0-9+.-]*://[^\s?'\"<>]*)\?[^\s'\"<>]+", re.IGNORECASE)
_NAMED = re.compile(
    r"""((?:[\w.-]*(?:passw|passwd|passphrase|secret|token|credential|api_?key|access_?key)[\w.-]*(?<!_file)
        |\bpwd|\bpass)
        ["']?\s*(?:=>|[=:])\s*)                                 # password=, "password": , Password =>
        ("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s"',;&})\]]+)   # what follows, quoted or not""",
    re.IGNORECASE | re.VERBOSE,
)
#: Those of Django's own settings that may hold secrets; what else speaks of passwords names classes.
_SECRETS_OF_DJANGO = {"SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASES", "CACHES", "EMAIL_HOST_PASSWORD", "STORAGES"}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_secret_name(name: Any) -> bool:
    """Whether something of this name is a secret: `PASSWORD`, `http_auth`, `secretKey`, but not `KEY_PREFIX`."""
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    if text in ("PWD", "OLDPWD"):
        return False  # The shell's working directory.
    if _SECRET_ANYWHERE.search(text):
        return True
    words = [word for word in re.split(r"[^a-z0-9]+", _CAMEL.sub("_", text).lower()) if word]
    return bool(words) and (not _SECRET_WORDS.isdisjoint(words) or words[-1] in _SECRET_LAST_WORDS)


class Mask:
    """Hides secrets. Make one for each page or command: it knows the secrets of the moment."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """A mask that knows these secrets beside what looks like one."""
        known: set[str] = set()
        for secret in secrets:
            if len(secret) >= MIN_LENGTH:
                known.update(_encodings(secret))
        longest_first = sorted(known, key=lambda text: (-len(text), text))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    @classmethod
    def of_settings(cls, settings: Any = None) -> Mask:
        """A mask that knows the secrets of the site's settings."""
        from django.conf import global_settings

        if settings is None:
            from django.conf import settings
        found: list[str] = []
        for name in dir(settings):
            # Most of Django's own are never secret, and some warn when they are read.
            if name.isupper() and (name in _SECRETS_OF_DJANGO or not hasattr(global_settings, name)):
                try:
                    value = getattr(settings, name)
                except Exception:  # noqa: BLE001, S112 (a setting may be a property that raises)
                    continue
                found.extend(_secrets(name, value, MAX_DEPTH))
        return cls(found)

    def text(self, text: Any) -> str:
        """The text without secrets. Other objects are shown as their text."""
        shown = _plain_text(text)
        if self._known:
            shown = self._known.sub(HIDDEN, shown)
        shown = _URL_LOGIN.sub(rf"\1\2:{HIDDEN}@", shown)
        shown = _WEB_LOGIN.sub(rf"\1{HIDDEN}@", shown)
        shown = _URL_QUERY.sub(rf"\1?{HIDDEN}", shown)
        return _NAMED.sub(lambda found: found.group(1) + _hidden_as(found.group(2)), shown)

    def value(self, value: Any, name: Any = "", depth: int = MAX_DEPTH) -> Any:
        """The value without secrets, in types that print well. `name` is what it is called."""
        if value is None or isinstance(value, bool) or value in ("", b""):
            return value
        if name != "" and is_secret_name(name):
            return HIDDEN
        if depth <= 0:
            return "…"
        if isinstance(value, (int, float)):
            return value
        if isinstance(value, Mapping):
            return {self._key(key): self.value(item, key, depth - 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            items = [self.value(item, "", depth - 1) for item in value]
            return tuple(items) if isinstance(value, tuple) else items
        return self.text(value)

    def arguments(self, argv: Iterable[str]) -> str:
        """A command line: what follows an option with a secret's name is hidden too."""
        shown, hide = [], False
        for argument in argv:
            name = argument.split("=", 1)[0]
            is_option = argument.startswith("-")
            if hide and not is_option:
                shown.append(HIDDEN)
            elif is_option and "=" in argument and is_secret_name(name.lstrip("-")):
                shown.append(f"{name}={HIDDEN}")
            else:
                shown.append(self.text(argument))
            hide = is_option and "=" not in argument and is_secret_name(argument.lstrip("-"))
        return " ".join(shown)

    def _key(self, key: Any) -> Any:
        return key if isinstance(key, (int, float, bool, type(None))) else self.text(key)


def _plain_text(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    try:
        return repr(value) if not isinstance(value, BaseException) else str(value)
    except Exception:  # noqa: BLE001 (whatever a stranger's `__repr__` raises)
        return f"<{type(value).__name__}>"


def _hidden_as(found: str) -> str:
    """What was hidden, in the quotes that it had, so that it still reads as what it was."""
    if found in ('""', "''", "None", "null"):
        return found
    quotes = found[0] if found[0] in "\"'" else ""
    return quotes + HIDDEN + quotes


def _secrets(name: Any, value: Any, depth: int) -> Iterator[str]:
    """The texts below a setting that are secrets, and the passwords of its URLs."""
    if depth <= 0:
        return
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        if name != "" and is_secret_name(name):
            yield value
        for found in _URL_LOGIN.finditer(value):
            yield from {found.group(3), unquote(found.group(3))}
    elif isinstance(value, Mapping):
        for key, item in value.items():
            inherited = key if not is_secret_name(name) else name
            yield from _secrets(inherited, item, depth - 1)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _secrets(name, item, depth - 1)


def _encodings(secret: str) -> tuple[str, ...]:
    """The secret as it is, and as URLs, JSON, Python, HTML and base64 have it."""
    raw = secret.encode("utf-8", "surrogatepass")
    encoded = base64.b64encode(raw).decode()
    return (
        secret,
        quote(raw, safe=""),
        quote(raw, safe="").lower(),
        quote(raw),
        quote_plus(raw),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        html.escape(secret),
        encoded,
        encoded.rstrip("="),
        base64.urlsafe_b64encode(raw).decode().rstrip("="),
    )
