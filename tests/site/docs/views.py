"""The public pages: no login, no search, nothing but Django itself, its static files and the log's row."""

from django.http import HttpResponse

from site_fixture import compress


def index(request):
    """The documentation's first page."""
    styles = "".join(f'<link rel="stylesheet" href="{name}" type="text/css" />' for name in compress.names("css"))
    scripts = "".join(f'<script src="{name}"></script>' for name in compress.names("js"))
    title = "CourSys documentation"
    return HttpResponse(f"<!doctype html><title>{title}</title>{styles}{scripts}<h1>Documentation</h1>")
