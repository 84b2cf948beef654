"""Settings with secrets in every place where sites keep them; `SECRETS` lists them."""

import os
from importlib.util import find_spec

#: A directory of the tests' own.
STATE = os.environ["COURSYS_PANEL_SITE_STATE"]

BASE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

#: None of these may be seen anywhere, in no encoding.
SECRETS = ["db&pass'word\"1", "br/oker p@ss%2", "mail-pass<3>", "elastic-pass-4", "django-secret-key-5", "töken-6"]

#: What not every environment has.
HAS_SEARCH = bool(find_spec("haystack") and find_spec("whoosh"))
HAS_BIT_FIELDS = bool(find_spec("bitfield"))

_broker = "br%2Foker%20p%40ss%252"

DEBUG = False
SECRET_KEY = SECRETS[4]
DEPLOY_MODE = "proddev"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "panel_site.urls"
USE_TZ = os.environ.get("COURSYS_PANEL_SITE_USE_TZ") == "1"
TIME_ZONE = "America/Vancouver"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "panel_site",
    "coursys_ops.django",
]
if HAS_SEARCH:
    INSTALLED_APPS.insert(0, "haystack")
MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(STATE, "db.sqlite3"),
        "USER": "coursys",
        "PASSWORD": SECRETS[0],
        "OPTIONS": {"timeout": 5},
    }
}
CACHES = {
    "default": {
        "BACKEND": os.environ.get("COURSYS_PANEL_SITE_CACHE", "django.core.cache.backends.locmem.LocMemCache"),
        "LOCATION": os.path.join(STATE, "cache"),
    }
}
HAYSTACK_CONNECTIONS = {
    "default": {
        "ENGINE": "haystack.backends.whoosh_backend.WhooshEngine",
        "PATH": os.path.join(STATE, "search"),
        "URL": f"https://elastic:{SECRETS[3]}@search.test:9200/?token={SECRETS[5]}",
        "KWARGS": {"http_auth": ("elastic", SECRETS[3])},
    }
}
CELERY_BROKER_URL = f"amqp://coursys:{_broker}@broker.test:5672/myvhost"
USE_CELERY = True
EMAIL_HOST = "mail.test"
EMAIL_HOST_PASSWORD = SECRETS[2]
DEFAULT_FROM_EMAIL = "CourSys <nobody@coursys.test>"
PHOTO_SERVICE = {"account": "cs", "nested": [{"apiToken": SECRETS[5]}]}
STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("COURSYS_PANEL_SITE_STATIC")
LOGGING = {"version": 1, "disable_existing_loggers": True}
COURSYS_OPS = {"site": {"layout": "compose"}}
