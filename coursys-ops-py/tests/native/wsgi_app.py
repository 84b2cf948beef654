"""What gunicorn serves in the tests: each request is a call. It has called once before gunicorn forks, with `--preload`."""

import json

from support import look, settled, site

CONFIG = site()
look(CONFIG)


def application(environ, start_response):
    """Says what was wrong, and what the worker has open."""
    answer = {"wrong": look(CONFIG), "open": settled() if environ["PATH_INFO"] == "/settled" else None}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(answer).encode()]
