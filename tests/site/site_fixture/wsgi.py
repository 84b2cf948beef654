"""The site for gunicorn: `python -m gunicorn site_fixture.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_fixture.settings")

application = get_wsgi_application()
