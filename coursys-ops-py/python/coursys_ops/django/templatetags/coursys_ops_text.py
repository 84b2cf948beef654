"""How the words of findings are shown."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html, format_html_join

register = template.Library()


@register.filter
def ticked(text: Any) -> str:
    """The text with what stands between back-ticks as code, escaped."""
    parts = str(text or "").split("`")
    if len(parts) % 2 == 0:
        # One of them has no partner.
        return format_html("{}", str(text))
    return format_html_join(
        "", "{}", [(format_html("<code>{}</code>" if at % 2 else "{}", part),) for at, part in enumerate(parts)]
    )
