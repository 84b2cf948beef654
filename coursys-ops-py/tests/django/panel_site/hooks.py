"""What a site's own permission hooks look like."""

from django.shortcuts import redirect


def is_sysadmin(request):
    """A predicate."""
    return request.headers.get("X-Role") == "SYSA"


def requires_role(role):
    """A maker of decorators, as the real site has one."""

    def decorator(view):
        def wrapped(request, *args, **kwargs):
            if request.headers.get("X-Role") == role:
                return view(request, *args, **kwargs)
            return redirect("login")

        return wrapped

    return decorator


def everybody(request):
    """A predicate that lets everybody in: for browsers, which send no header of ours."""
    return True
