"""The pages that are not public."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect


@login_required
def index(request):
    """The front page: who has not logged in is sent to `/login/`."""
    return HttpResponse("<!doctype html><title>CourSys</title><h1>CourSys</h1>")


def login(request):
    """Sends the browser to the CAS server."""
    service = request.build_absolute_uri(request.get_full_path())
    return redirect(f"{settings.CAS_SERVER_URL}login?{urlencode({'service': service})}")


def is_sysadmin(request):
    """Whether somebody may see the panel. Nobody has an account here: a header says who it is."""
    return request.headers.get("X-Userid") == "sysadmin"
