#!/usr/bin/env python
"""The checks of `coursys-ops check`, one after the other, as a management command of the site would do them.

    python check_sequential.py

It is what the benchmark runs beside `coursys-ops`: plain Django and Celery, no threads, and nothing that slows it down.
Prints one line for each check and one for the whole; exit status 1 if any check failed.
"""

import base64
import os
import smtplib
import socket
import ssl
import struct
import sys
import tempfile
import time
import uuid

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_fixture.settings")
STARTED = time.perf_counter()

import django  # noqa: E402 (the whole run is timed, the imports are a part of it)

django.setup()

from django.conf import settings  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from haystack.query import SearchQuerySet  # noqa: E402

from coredata import beat  # noqa: E402
from coredata.models import Person, Semester  # noqa: E402
from site_fixture import celery_app  # noqa: E402

# Seconds that one answer may take; the same as the default of `coursys-ops`.
TIMEOUT_S = 5
# Seconds; beat stores its marker every five minutes on the real site, so four in a row were missed then.
BEAT_MAX_AGE_S = 1200
# Seconds by which the clock may be off.
MAX_OFFSET_S = 0.1
# GiB; the fixture's disks are not a server's.
MIN_FREE_GIB = 0.1
# Seconds from 1900, where NTP begins to count, to 1970.
NTP_EPOCH_S = 2_208_988_800


class CheckFailed(Exception):
    """What was looked at is not as it should be."""


def expect(condition: bool, message: str) -> None:
    if not condition:
        raise CheckFailed(message)


def database_connection() -> str:
    rows = Semester.objects.count()
    expect(rows > 0, "coredata_semester has no rows")
    return f"{rows} semesters"


def database_unicode() -> str:
    name = "\N{GRINNING FACE}\U00020BB7"
    with transaction.atomic():
        person = Person.objects.create(emplid=999999999, last_name=name, first_name="Probe")
        person.refresh_from_db()
        transaction.set_rollback(True)
    expect(person.last_name == name, "came back as something else")
    return "a non-BMP character came back"


def celery_queue(queue: str) -> str:
    token = uuid.uuid4().hex
    answer = celery_app.send_task("celery.accumulate", args=[token], queue=queue, expires=TIMEOUT_S)
    expect(answer.get(timeout=TIMEOUT_S) == [token], "another answer than the one to our message")
    return "the message came back"


def celery_beat() -> str:
    age = beat.age()
    expect(age is not None, "no marker")
    expect(age < BEAT_MAX_AGE_S, f"the marker is {age:.0f} s old")
    return f"marker {age:.0f} s old"


def cache_value() -> str:
    key, value = f"check-{uuid.uuid4().hex}", "\N{GRINNING FACE}"
    cache.set(key, value, 60)
    try:
        expect(cache.get(key) == value, "came back as something else")
    finally:
        cache.delete(key)
    return "a value came back"


def search_query() -> str:
    hits = SearchQuerySet().filter(text="cmpt").count()
    expect(hits > 0, "nothing found")
    return f"{hits} hits"


def email_smtp() -> str:
    context = ssl.create_default_context(cafile=settings.EMAIL_CA_FILE)
    address = (settings.EMAIL_HOST, settings.EMAIL_PORT)
    if settings.EMAIL_USE_SSL:
        server = smtplib.SMTP_SSL(*address, timeout=TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(*address, timeout=TIMEOUT_S)
    with server:
        server.ehlo_or_helo_if_needed()
        if settings.EMAIL_USE_TLS:
            server.starttls(context=context)
            server.ehlo()
        if settings.EMAIL_HOST_USER:
            # By hand, because smtplib's login knows passwords in ASCII only.
            secret = f"\0{settings.EMAIL_HOST_USER}\0{settings.EMAIL_HOST_PASSWORD}".encode()
            code, text = server.docmd("AUTH", "PLAIN " + base64.b64encode(secret).decode())
            expect(code == 235, f"login refused: {code} {text.decode(errors='replace')}")
    return "greeted"


def files_writable(directory: str) -> str:
    with tempfile.TemporaryFile(dir=directory) as file:
        file.write(b"probe")
        file.flush()
    return directory


def disk_space(directory: str) -> str:
    status = os.statvfs(directory)
    free_gib = status.f_bavail * status.f_frsize / 2**30
    expect(free_gib >= MIN_FREE_GIB, f"{free_gib:.1f} GiB free in {directory}")
    return f"{free_gib:.1f} GiB free in {directory}"


def time_offset() -> str:
    address = socket.getaddrinfo(settings.NTP_REFERENCE, settings.NTP_PORT, type=socket.SOCK_DGRAM)[0]
    with socket.socket(*address[:3]) as client:
        client.settimeout(TIMEOUT_S)
        client.connect(address[4])
        sent = time.time()
        # 0x23: no leap second, version 4, mode 3 (client).
        client.send(struct.pack("!B47x", 0x23))
        packet = client.recv(512)
        arrived = time.time()
    expect(len(packet) >= 48, "not an answer of NTP")
    mode, stratum = packet[0] & 7, packet[1]
    expect(mode == 4 and 1 <= stratum <= 15, "the reference is not synchronised")
    # Seconds and 2^-32 seconds at which the server received our packet and sent its own.
    received_s, received_f, answered_s, answered_f = struct.unpack("!IIII", packet[32:48])
    received = received_s + received_f / 2**32 - NTP_EPOCH_S
    answered = answered_s + answered_f / 2**32 - NTP_EPOCH_S
    offset = ((received - sent) + (answered - arrived)) / 2
    expect(abs(offset) <= MAX_OFFSET_S, f"off by {offset:+.3f} s")
    return f"off by {offset:+.6f} s"


def checks():
    """Every check as (id, function without arguments), in the order in which they run."""
    yield "database.connection", database_connection
    yield "database.unicode", database_unicode
    for queue in settings.CELERY_TASK_QUEUES:
        yield f"celery.queue.{queue.name}", lambda name=queue.name: celery_queue(name)
    yield "celery.beat", celery_beat
    yield "cache.connection", cache_value
    yield "search.query", search_query
    yield "email.smtp", email_smtp
    directories = {
        "submitted": settings.SUBMISSION_PATH,
        "media": settings.COMPRESS_ROOT,
        "dumps": settings.DB_BACKUP_DIR,
    }
    for name, directory in directories.items():
        yield f"files.writable.{name}", lambda path=directory: files_writable(path)
    directories = {"tmp": "/tmp", "root": "/"} | directories
    for name in ("tmp", "submitted", "dumps", "root"):
        yield f"disk.space.{name}", lambda path=directories[name]: disk_space(path)
    yield "time.offset", time_offset


def main() -> int:
    counts = {"passed": 0, "failed": 0}
    for name, check in checks():
        started = time.perf_counter()
        try:
            status, message = "passed", check()
        except Exception as error:  # One broken check must not hide the others.
            status, message = "failed", f"{type(error).__name__}: {error}"
        counts[status] += 1
        print(f"{status}  {name}  {1000 * (time.perf_counter() - started):.1f} ms  {message}", flush=True)
    connection.close()
    total_ms = 1000 * (time.perf_counter() - STARTED)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {total_ms:.1f} ms", flush=True)
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
