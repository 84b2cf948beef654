"""Dumps of the database as the real site makes them: `mysqldump`, compressed, in files for their owner alone."""

import gzip
import os
import shutil
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

from django.conf import settings

# How the real site's dumps are called, and what it tells mysqldump.
NAME = "%Y-%m-%dT%H-%M-%S.dump.gz"
ARGUMENTS = ["--single-transaction", "--skip-extended-insert", "--no-tablespaces"]


def path(time: datetime) -> Path:
    """The dump of that time."""
    return Path(settings.DB_BACKUP_DIR) / time.strftime(NAME)


def connection() -> list[str]:
    """The arguments by which a client of MariaDB finds the database; its password is in the environment."""
    database = settings.DATABASES["default"]
    host = database["HOST"]
    if host.startswith("/"):
        where = [f"--socket={host}"]
    else:
        where = [f"--host={host}", f"--port={database['PORT']}", "--protocol=tcp"]
    authority = database["OPTIONS"].get("ssl", {}).get("ca")
    encryption = [f"--ssl-ca={authority}", "--ssl-verify-server-cert"] if authority else []
    return [*where, *encryption, f"--user={database['USER']}", database["NAME"]]


def write(time: datetime) -> Path:
    """Dump the database now, into the file of that time, which also becomes the file's own."""
    target = path(time)
    command = ["mysqldump", "--no-defaults", *ARGUMENTS, *connection()]
    environment = {"PATH": os.defpath, "MYSQL_PWD": settings.DATABASES["default"]["PASSWORD"]}
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as raw, gzip.open(raw, "wb") as compressed:
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as dump:
            shutil.copyfileobj(dump.stdout, compressed)
    if dump.returncode:
        raise RuntimeError(f"mysqldump ended with {dump.returncode}")
    os.utime(target, (time.timestamp(), time.timestamp()))
    return target


# How much must be free; the real site wants 50.
LEAST_GB = 0.1


def unwritable(directory: str) -> str | None:
    """Why no file can be made there; none when one can."""
    try:
        with tempfile.NamedTemporaryFile(dir=directory):
            return None
    except FileNotFoundError:
        return "directory does not exist"
    except OSError:
        return "could not write to a file"


def space(directory: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """What passed and what failed."""
    label = "Space in DB backup dir"
    try:
        free = shutil.disk_usage(directory).free / 2**30
    except FileNotFoundError:
        return [], [(label, "directory does not exist")]
    if free > LEAST_GB:
        return [(label, f"okay ({free:.1f} GB)")], []
    return [], [(label, f"Low: {free:.1f} GB")]
