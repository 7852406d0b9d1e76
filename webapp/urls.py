"""Addresses of the site. Each app keeps its own; the chat is the front page."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("admin/login/", RedirectView.as_view(pattern_name="signin", query_string=True)),  # one page, one throttle
    path("admin/password_change/", RedirectView.as_view(pattern_name="account")),
    path("admin/", admin.site.urls),
    path("language/", include("django.conf.urls.i18n")),
    path("", include("webapp.accounts.urls")),
    path("", include("webapp.operations.urls")),
    path("", include("webapp.chat.urls")),
]
