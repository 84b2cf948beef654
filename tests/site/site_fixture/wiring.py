"""From `fixture.json` to the values that Django, Celery and haystack expect.

Every function takes one section of the file (README.md lists the keys) and has no other input, so that each can be
tested without a server. Where a section has a `ca_file`, TLS is required: the peer's certificate is verified against
that file alone, and there is no fall-back to plain text.
"""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from urllib.parse import quote

SECTIONS = "database broker cache search email ntp paths timezone secret_key beat_interval_s".split()


class FixtureError(Exception):
    """`fixture.json` is missing, is not JSON or lacks a section; the text names the file."""


def load(path: Path) -> dict:
    """Read `fixture.json`; raises FixtureError with a message for people."""
    try:
        fixture = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FixtureError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise FixtureError(f"{path}: not JSON: {error}") from error
    missing = [name for name in SECTIONS if name not in fixture]
    if missing:
        raise FixtureError(f"{path}: missing {', '.join(missing)}")
    return fixture


def host_port(host: str, port: int) -> str:
    """`HOST:PORT`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def database(section: dict) -> dict:
    """The entry `default` of DATABASES."""
    options = {"charset": "utf8mb4", "collation": "utf8mb4_unicode_ci"}
    if section.get("ca_file"):
        # "verify identity" is the only mode of the client library that neither skips the name nor falls back.
        options |= {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": section["ca_file"]}}
    host = section.get("socket") or section["host"]
    if host == "localhost":
        # MySQL's client library takes this name for "the socket wherever I was compiled to look for it".
        host = "127.0.0.1"
    return {
        "ENGINE": "django.db.backends.mysql",
        "HOST": host,
        "PORT": section.get("port") or "",
        "NAME": section["name"],
        "USER": section["user"],
        "PASSWORD": section["password"],
        "OPTIONS": options,
    }


def broker_url(section: dict) -> str:
    """The broker's URL: user, password and vhost may hold any character, so each is encoded on its own."""
    scheme = "amqps" if section.get("ca_file") else "amqp"
    user, password, vhost = (quote(section[key], safe="") for key in ("user", "password", "vhost"))
    return f"{scheme}://{user}:{password}@{host_port(section['host'], section['port'])}/{vhost}"


def broker_ssl(section: dict) -> dict | None:
    """Celery's `broker_use_ssl`, or None for a plain connection."""
    if not section.get("ca_file"):
        return None
    return {"ca_certs": section["ca_file"], "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": section["host"]}


def cache(section: dict) -> dict:
    """The entry `default` of CACHES: keys in memcached are `PREFIX:1:key`."""
    socket = section.get("socket")
    return {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": f"unix:{socket}" if socket else host_port(section["host"], section["port"]),
        "KEY_PREFIX": section.get("key_prefix") or "",
    }


def search(section: dict) -> dict:
    """The entry `default` of HAYSTACK_CONNECTIONS: haystack's own engine for version 5, else `plain_search`."""
    kwargs = {}
    if section.get("user"):
        kwargs["http_auth"] = (section["user"], section["password"])
    if section.get("ca_file"):
        kwargs["ca_certs"] = section["ca_file"]
    is_5 = str(section["version"]).split(".")[0] == "5"
    return {
        "ENGINE": "haystack.backends.elasticsearch5_backend.Elasticsearch5SearchEngine"
        if is_5
        else "site_fixture.plain_search.PlainSearchEngine",
        "URL": section["url"],
        "INDEX_NAME": section["index"],
        "TIMEOUT": 60,
        "KWARGS": kwargs,
    }
