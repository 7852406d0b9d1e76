"""Addresses of the site. Each app keeps its own; the chat is the front page."""

from django.apps import apps
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("language/", include("django.conf.urls.i18n")),
    *(path("", include(f"webapp.{app}.urls")) for app in ("accounts", "jobs") if apps.is_installed(f"webapp.{app}")),
    path("", include("webapp.chat.urls")),
]
