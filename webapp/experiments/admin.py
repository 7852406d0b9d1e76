"""Searches in the admin: the list, and the addresses of our own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from webapp.experiments import services, views
from webapp.experiments.models import Search
from webapp.training.admin import LABELS, OwnPages


@admin.register(Search)
class SearchAdmin(OwnPages):
    """Every search that was started."""

    list_display = ("name", "model", "version", "state", "owner", "created")
    list_filter = ("task", "model")
    search_fields = ("name",)
    list_select_related = ("job", "version__dataset", "owner")

    def get_urls(self) -> list[URLPattern]:
        """Ours before the admin's."""
        guard = self.admin_site.admin_view
        return [path("leaderboard/<uuid:version_id>/", guard(views.board), name="experiments_search_leaderboard"),
                *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        """The form of a search."""
        return views.start(request)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None,
                    ) -> HttpResponseBase:
        """The search, as it goes on."""
        return views.show(request, object_id)

    def delete_model(self, request: HttpRequest, search: Search) -> None:
        """With its trials."""
        services.delete_search(search=search)

    @display(description=_("state"), label=LABELS)
    def state(self, search: Search) -> tuple[str, str]:
        """Its job's."""
        return (search.job.state, search.job.get_state_display()) if search.job else ("", "–")
