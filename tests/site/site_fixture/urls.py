"""The pages: `/` needs a login, `/login/` leads to CAS, `/docs/` is public."""

from django.urls import include, path

from coredata import views

urlpatterns = [
    path("", views.index, name="index"),
    path("login/", views.login, name="login"),
    path("docs/", include("docs.urls")),
]
