"""The public pages: no login, no search, nothing but Django itself and the log's row."""

from django.http import HttpResponse


def index(request):
    """The documentation's first page."""
    return HttpResponse("<!doctype html><title>CourSys documentation</title><h1>Documentation</h1>")
