"""The addresses of the app, and a page of the site's own."""

from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("checks/", include("coursys_ops.django.urls")),
    path("login/", lambda request: HttpResponse("log in"), name="login"),
]
