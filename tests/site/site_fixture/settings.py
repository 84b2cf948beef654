"""Django's settings, read from `fixture.json` beside `manage.py` (keys: README.md).

The names are those of the real site's settings, because `coursys-ops config import-django` asks for them.
"""

import os
from pathlib import Path

from kombu import Exchange, Queue

from . import ops, wiring

BASE_DIR = Path(__file__).resolve().parent.parent
FIXTURE = wiring.load(BASE_DIR / "fixture.json")

# Real sites print when their settings are imported; whoever reads a program's standard output must cope with it.
print("site_fixture: settings loaded", flush=True)

DEBUG = False
DEPLOY_MODE = "proddev"
SECRET_KEY = FIXTURE["secret_key"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "haystack",
    "coredata",
    "log",
    "docs",
]
COURSYS_OPS = {}
if ops.is_installed():
    INSTALLED_APPS.append(ops.APP)
    COURSYS_OPS = ops.options(BASE_DIR)
MIDDLEWARE = [
    # First, so that a request with an unknown Host is refused before anything else happens.
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "log.middleware.RequestLogMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
ROOT_URLCONF = "site_fixture.urls"
WSGI_APPLICATION = "site_fixture.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
LOGIN_URL = "login"

# Naive local time in the database, as in the real one; another site of the tests has none.
LANGUAGE_CODE = "en"
TIME_ZONE = FIXTURE["timezone"]
USE_TZ = os.environ.get("SITE_FIXTURE_USE_TZ") == "1"
USE_I18N = False

# The client of Elasticsearch warns of every 404, and haystack asks for a mapping before it makes one.
LOGGING = {"version": 1, "disable_existing_loggers": False, "loggers": {"elasticsearch": {"level": "ERROR"}}}

_web = FIXTURE.get("web", {})
SERVE_HOSTS = _web.get("hosts", ["coursys.test"])
REDIRECT_HOSTS = _web.get("redirected_hosts", ["courses.test"])
ALLOWED_HOSTS = SERVE_HOSTS + REDIRECT_HOSTS
CAS_SERVER_URL = FIXTURE.get("cas_url", "https://cas.test/cas/")

DATABASES = {"default": wiring.database(FIXTURE["database"])}
if ops.SQLITE:
    DATABASES["default"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": ops.SQLITE}
if os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn/"):
    # gunicorn alone keeps idle connections, seconds; Celery's processes sit idle for longer than a server allows.
    DATABASES["default"]["CONN_MAX_AGE"] = 3600

CACHES = {"default": wiring.cache(FIXTURE["cache"])}
HAYSTACK_CONNECTIONS = {"default": wiring.search(FIXTURE["search"])}

USE_CELERY = True
CELERY_BROKER_URL = wiring.broker_url(FIXTURE["broker"])
CELERY_BROKER_USE_SSL = wiring.broker_ssl(FIXTURE["broker"])
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_RESULT_BACKEND = "rpc://"
# Seconds: so long a queue for replies outlives the process that made it.
CELERY_RESULT_EXPIRES = 18_000
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_ENABLE_UTC = True
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "batch"
_exchange = Exchange(CELERY_TASK_DEFAULT_QUEUE, type="direct", durable=True)
CELERY_TASK_QUEUES = [
    Queue(name, _exchange, routing_key=name, durable=True) for name in ("batch", "email", "fast", "photo", "sims")
]
CELERY_BEAT_SCHEDULE = {
    "coredata.tasks.beat_test": {
        "task": "coredata.tasks.beat_test",
        "schedule": FIXTURE["beat_interval_s"],
        "options": {"queue": "fast"},
    },
}

_email = FIXTURE["email"]
EMAIL_HOST = _email["host"]
EMAIL_PORT = _email["port"]
EMAIL_HOST_USER = _email.get("user") or ""
EMAIL_HOST_PASSWORD = _email.get("password") or ""
EMAIL_USE_TLS = bool(_email.get("ca_file")) and _email.get("starttls", True)
EMAIL_USE_SSL = bool(_email.get("ca_file")) and not EMAIL_USE_TLS
# Django has no setting for an authority of one's own.
EMAIL_CA_FILE = _email.get("ca_file")
CELERY_EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_BACKEND = "coredata.queued_mail.Backend" if _email.get("by_celery") else CELERY_EMAIL_BACKEND
# The real site tries again for three days; who tests wants to be alone again soon.
CELERY_EMAIL_TASK_CONFIG = {"queue": "email", "rate_limit": "60/m", "default_retry_delay": 1, "max_retries": 1}
DEFAULT_FROM_EMAIL = "CourSys <nobody@coursys.test>"

NTP_REFERENCE = FIXTURE["ntp"]["host"]
NTP_PORT = FIXTURE["ntp"]["port"]

MOSS_DISTRIBUTION_PATH = str(BASE_DIR / "moss")

_paths = FIXTURE["paths"]
SUBMISSION_PATH = _paths["submitted"]
# As on the real site, what is collected and what is compressed lie in one directory.
STATIC_URL = "/static/"
STATIC_ROOT = _paths["media"]
STATICFILES_DIRS = [BASE_DIR / "media"]
COMPRESS_ENABLED = FIXTURE.get("compress", True)
COMPRESS_ROOT = STATIC_ROOT
DB_BACKUP_DIR = _paths["dumps"]
LOG_DIR = _paths["logs"]
