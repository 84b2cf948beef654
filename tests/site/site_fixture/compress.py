"""What django-compressor does on the real site, as far as it can be seen: one file for all styles, one for all scripts.

A file's name holds a hash of its content, so that browsers may keep it for ever. Pages name the compressed files, or the
single ones when compression is switched off.
"""

import gzip
import hashlib
from pathlib import Path

from django.conf import settings

KINDS = ("css", "js")


def _sources(kind: str) -> list[Path]:
    return sorted(Path(settings.STATIC_ROOT, kind).glob(f"*.{kind}"))


def _content(kind: str) -> bytes:
    return b"\n".join(path.read_bytes() for path in _sources(kind))


def _name(kind: str) -> str:
    return f"CACHE/{kind}/output.{hashlib.md5(_content(kind)).hexdigest()[:12]}.{kind}"


def compress() -> str:
    """Write the compressed files and their gzipped twins."""
    for kind in KINDS:
        path = Path(settings.COMPRESS_ROOT, _name(kind))
        path.parent.mkdir(parents=True, exist_ok=True)
        content = _content(kind)
        path.write_bytes(content)
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(content, mtime=0))
    return f"{len(KINDS)} files below {settings.COMPRESS_ROOT}/CACHE"


def names(kind: str) -> list[str]:
    """The addresses that a page names."""
    if settings.COMPRESS_ENABLED:
        return [settings.STATIC_URL + _name(kind)]
    return [f"{settings.STATIC_URL}{kind}/{path.name}" for path in _sources(kind)]
