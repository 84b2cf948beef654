"""The panel page: checks as they come in, the test mail, and what is told for information."""

from __future__ import annotations

from typing import Any, Callable
from urllib.parse import urlsplit

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.views.generic import TemplateView

from . import access, conf, panel, stream
from .mask import Mask
from .shown import Shown

JSON_LINES = "application/x-ndjson"


class PanelView(TemplateView):
    """One page with sections: `?section=…`. GET only reads; POST runs checks or sends the mail.

    A browser with scripts reads the run as JSON lines while it goes on; without scripts the form gives the whole page.
    """

    template_name = "coursys_ops/panel.html"
    http_method_names = ["get", "head", "post", "options"]

    #: Name, heading, and what is told there. The first two are not for information only.
    sections: list[tuple[str, str, Callable[[], Any] | None]] = [
        ("checks", "Deployment checks", None),
        ("email", "E-mail check", None),
        ("settings", "Settings", panel.settings_info),
        ("celery", "Celery queues", panel.celery_info),
        ("packages", "Packages", panel.pip_info),
        ("reporting", "Reporting database", panel.csrpt_info),
        ("processes", "Processes", panel.ps_info),
        ("environment", "Environment", panel.environ_info),
    ]

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponse]:
        """The view behind the permission hook of the settings."""
        return access.guarded(super().as_view(**initkwargs))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the template shows."""
        name = kwargs.pop("section", None) or self.request.GET.get("section", "checks")
        known = {entry[0]: entry for entry in self.sections}
        if name not in known:
            raise Http404("there is no such section")
        tell = known[name][2]
        context = super().get_context_data(**kwargs)
        context.update(
            base_template=conf.options().base_template,
            sections=[{"name": entry[0], "title": entry[1], "here": entry[0] == name} for entry in self.sections],
            section=name,
            title=known[name][1],
            info=tell() if tell else None,
            email=getattr(getattr(self.request, "user", None), "email", ""),
            tier=conf.options().tier,
        )
        return context

    def post(self, request: HttpRequest) -> HttpResponseBase:
        """Runs the checks, or sends the test mail."""
        if request.POST.get("action") == "email":
            address = request.POST.get("email", "").strip()
            sent, message = panel.send_test_email(address)
            outcome = {"sent": sent, "message": message}
            return self.page(section="email", outcome=outcome, entered=address)
        if JSON_LINES in request.headers.get("Accept", ""):
            return streamed()
        return self.page(section="checks", shown=self.run())

    def run(self) -> Shown:
        """A whole run, for browsers without scripts."""
        import coursys_ops

        from .sanity import run

        try:
            return Shown.of_report(run().to_dict())
        except coursys_ops.Error as error:
            return Shown.of_error(Mask.of_settings().text(error))

    def page(self, **context: Any) -> HttpResponse:
        """The page with more in its context."""
        return self.render_to_response(self.get_context_data(**context))

    def render_to_response(self, context: Any, **kwargs: Any) -> HttpResponse:
        """The page, never kept by caches; alone it brings the strictest policy that it works under."""
        response = super().render_to_response(context, **kwargs)
        response["Cache-Control"] = "no-store"
        if context["base_template"] == conf.Options.base_template:
            response.setdefault("Content-Security-Policy", policy(static("coursys_ops/panel.js")))
        return response


def policy(script: str) -> str:
    """A Content-Security-Policy for the page: its own script, style and addresses, and nothing inline."""
    parts = urlsplit(script)
    source = f"{parts.scheme or 'https'}://{parts.netloc}" if parts.netloc else "'self'"
    return (
        f"default-src 'none'; script-src {source}; style-src {source}; img-src {source}; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def streamed() -> StreamingHttpResponse:
    """The events of a run while it goes on."""
    response = StreamingHttpResponse(stream.events(), content_type=JSON_LINES)
    response["Cache-Control"] = "no-store"
    # nginx would keep it all until the end, and Django's compressing middleware too.
    response["X-Accel-Buffering"] = "no"
    response["Content-Encoding"] = "identity"
    return response
