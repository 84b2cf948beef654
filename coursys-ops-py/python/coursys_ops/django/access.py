"""Who may see the panel: the site's own permission hook, or superusers where the settings name none."""

from __future__ import annotations

from typing import Any, Callable

from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.utils.module_loading import import_string

from . import conf

View = Callable[..., Any]


def guarded(view: View) -> View:
    """The view behind the hook of the settings, which is asked anew at each request.

    `DECORATOR` decides what happens to strangers: the site's own sends them to its login. Otherwise they get 403.
    """

    def guard(request: Any, *args: Any, **kwargs: Any) -> Any:
        options = conf.options()
        if options.decorator:
            return _decorator(options.decorator)(view)(request, *args, **kwargs)
        if not _permitted(request, options.permission):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guard


def is_permitted(request: Any) -> bool:
    """Whether this request may see what the panel shows; not when that cannot be told.

    Who somebody is stands in the database, and this is asked when it may be down.
    """
    passed = []

    def view(_request: Any, *_args: Any, **_kwargs: Any) -> Any:
        from django.http import HttpResponse

        passed.append(True)
        return HttpResponse()

    try:
        guarded(view)(request)
    except Exception:  # noqa: BLE001 (a session's backend raises what it likes)
        return False
    return bool(passed)


def _permitted(request: Any, path: Any) -> bool:
    if path:
        return bool(_imported(path)(request))
    user = getattr(request, "user", None)
    return bool(user is not None and user.is_active and user.is_superuser)


def _decorator(spec: Any) -> Callable[[View], View]:
    path, *arguments = spec
    found = _imported(path)
    return found(*arguments) if arguments else found


def _imported(path: Any) -> Any:
    try:
        return import_string(path)
    except (ImportError, TypeError, AttributeError) as error:
        raise ImproperlyConfigured(f"{conf.SETTING}: {path!r} cannot be imported: {error}") from error
