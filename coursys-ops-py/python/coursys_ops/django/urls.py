"""Addresses of the app: the panel, and the health view beside it.

    path("sysadmin/checks/", include("coursys_ops.django.urls"))

The site can name the views elsewhere; the page needs no names of addresses.
"""

from django.urls import path

from .health import HealthView
from .views import PanelView

app_name = "coursys_ops"

urlpatterns = [
    path("", PanelView.as_view(), name="panel"),
    path("health", HealthView.as_view(), name="health"),
]
