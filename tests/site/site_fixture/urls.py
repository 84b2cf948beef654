"""The pages: `/` needs a login, `/login/` leads to CAS, `/docs/` is public, `/sysadmin/checks/` for administrators."""

from django.apps import apps
from django.urls import include, path

from coredata import views

from . import ops

urlpatterns = [
    path("", views.index, name="index"),
    path("login/", views.login, name="login"),
    path("docs/", include("docs.urls")),
]

if apps.is_installed(ops.APP):
    urlpatterns.append(path("sysadmin/checks/", include(f"{ops.APP}.urls")))
