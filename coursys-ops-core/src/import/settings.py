# Runs in the site's own Python, 3.6 or later: reads the settings that checks need.
import json
import os


def plain(value):
    """`value` in types that JSON has; objects that it has none for become their name, if any, else text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return str(getattr(value, "name", value))


def broker(url):
    """The broker as kombu understands its URL, which need not be encoded as it should be."""
    from kombu import Connection

    connection = Connection(url)
    return {
        "transport": connection.transport_cls if isinstance(connection.transport_cls, str) else "",
        "host": connection.hostname,
        "port": connection.port,
        "user": connection.userid,
        "password": connection.password,
        "vhost": connection.virtual_host,
        "tls": bool(connection.ssl) or str(url).startswith(("amqps:", "pyamqps:")),
    }


def search(url):
    """The parts of haystack's URL."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url if "://" in url else "http://" + url)
    return {
        "host": parts.hostname,
        "port": parts.port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "tls": parts.scheme == "https",
    }


def media(settings):
    """Where compressed media are: the compressor's own directory below its root, where there is one."""
    root = str(settings.COMPRESS_ROOT)
    below = os.path.join(root, str(getattr(settings, "COMPRESS_OUTPUT_DIR", "CACHE")))
    return below if os.path.isdir(below) else root


def settings_of(settings):
    """What the settings say, and why where they cannot."""
    found, errors = {}, {}

    def take(name, get):
        try:
            found[name] = plain(get())
        except AttributeError:
            pass
        except Exception as error:
            errors[name] = type(error).__name__

    def first(*names):
        for name in names:
            value = getattr(settings, name, None)
            if value:
                return value
        raise AttributeError

    take("database", lambda: settings.DATABASES["default"])
    take("cache", lambda: settings.CACHES["default"])
    take("search", lambda: settings.HAYSTACK_CONNECTIONS["default"])
    if "URL" in found.get("search", {}):
        take("search_url", lambda: search(found["search"]["URL"]))
    if getattr(settings, "USE_CELERY", True):
        take("broker", lambda: broker(first("CELERY_BROKER_URL", "BROKER_URL")))
        take("broker_ssl", lambda: first("CELERY_BROKER_USE_SSL", "BROKER_USE_SSL"))
        take("queues", lambda: first("CELERY_TASK_QUEUES", "CELERY_QUEUES"))
        take("beat", lambda: first("CELERY_BEAT_SCHEDULE", "CELERYBEAT_SCHEDULE"))
    take("media", lambda: media(settings))
    for name in (
        "EMAIL_HOST EMAIL_PORT EMAIL_HOST_USER EMAIL_HOST_PASSWORD EMAIL_USE_TLS EMAIL_USE_SSL EMAIL_CA_FILE "
        "DEFAULT_FROM_EMAIL SUBMISSION_PATH DB_BACKUP_DIR SERVE_HOSTS REDIRECT_HOSTS ALLOWED_HOSTS NTP_REFERENCE "
        "NTP_PORT CAS_SERVER_URL TIME_ZONE DEPLOY_MODE MOSS_DISTRIBUTION_PATH"
    ).split():
        take(name, lambda: getattr(settings, name))
    return {"settings": found, "errors": errors}
