"""Assistants in the admin: what visitors can pick."""

from __future__ import annotations

from pathlib import Path

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from webapp.assistants.models import Assistant


@admin.register(Assistant)
class AssistantAdmin(ModelAdmin):
    """Names, texts and defaults are the admin's; what the artifact says is shown and not changed here."""

    list_display = (
        "slug", "name_en", "name_zh", "task", "artifact_name", "conversation_count", "published", "position",
    )
    list_editable = ("published", "position")
    list_filter = ("task", "published")
    search_fields = ("slug", "name_en", "name_zh")
    readonly_fields = ("task", "artifact", "directions", "documents")
    fieldsets = (
        (None, {"fields": ("slug", "published", "position", ("name_en", "name_zh"))}),
        (_("What visitors read"), {"fields": (("welcome_en", "welcome_zh"), "examples")}),
        (_("How it answers"), {"fields": ("task", "artifact", "directions", "documents", "defaults")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assistant]:
        """With the number of conversations."""
        return super().get_queryset(request).annotate(conversation_total=Count("conversations"))

    @display(description=_("artifact"))
    def artifact_name(self, assistant: Assistant) -> str:
        """The folder's name; where it lies is in the form."""
        return Path(assistant.artifact).name

    @display(description=_("conversations"), ordering="conversation_total")
    def conversation_count(self, assistant: Assistant) -> int:
        """How many visitors have begun."""
        return int(assistant.conversation_total)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Assistants come from artifacts."""
        return False
