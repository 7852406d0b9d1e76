"""Word vectors in the admin: the list, and the addresses of our own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from modeling.errors import ParleyError
from webapp.accounts.owned import OwnedAdmin
from webapp.vectors import services, views
from webapp.vectors.models import WordVectors
from webapp.wording import said

LABELS = {"running": "info", "done": "success", "failed": "danger", "queued": "warning"}


@admin.register(WordVectors)
class WordVectorsAdmin(OwnedAdmin):
    """All word vectors, removed one by one."""

    list_display = ("name", "method", "version", "word_count", "dimensions", "state", "size", "owner", "created")
    list_filter = ("method",)
    search_fields = ("name",)
    list_select_related = ("job", "version__dataset", "owner")
    list_per_page = 50

    def get_urls(self) -> list[URLPattern]:
        """Ours before the admin's."""
        guard = self.admin_site.admin_view
        return [
            path("upload/", guard(views.upload), name="vectors_wordvectors_upload"),
            path("<uuid:vectors_id>/ask/<slug:question>/", guard(views.ask), name="vectors_wordvectors_ask"),
            path("<uuid:vectors_id>/download/<slug:kind>/", guard(views.download),
                 name="vectors_wordvectors_download"),
            *super().get_urls(),
        ]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without removal by the dozen."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_deleted_objects(self, objects: Any, request: HttpRequest) -> tuple[Any, ...]:
        """The vectors themselves."""
        return [str(one) for one in objects], {self.opts.verbose_name_plural: len(objects)}, set(), []

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        """The form of a training."""
        return views.train(request)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None,
                    ) -> HttpResponseBase:
        """The vectors' page."""
        return views.vectors(request, object_id)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponseBase:
        """Removed, or told why not."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except ParleyError as error:
            messages.error(request, said(error))
            return redirect("admin:vectors_wordvectors_change", object_id)

    def delete_model(self, request: HttpRequest, vectors: WordVectors) -> None:
        """With their files."""
        services.delete_vectors(vectors=vectors)

    @display(description=_("words"), ordering="words")
    def word_count(self, vectors: WordVectors) -> str:
        """How many have a vector."""
        return f"{vectors.words:,}" if vectors.words else "–"

    @display(description=_("state"), label=LABELS)
    def state(self, vectors: WordVectors) -> tuple[str, str]:
        """Its job's."""
        return (vectors.job.state, vectors.job.get_state_display()) if vectors.job else ("", "–")

    @display(description=_("size"), ordering="bytes")
    def size(self, vectors: WordVectors) -> str:
        """Of all files."""
        return filesizeformat(vectors.bytes) if vectors.bytes else "–"
