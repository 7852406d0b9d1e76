"""Assistants in the admin: the list, and the addresses of our own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, path
from django.utils.translation import gettext as say
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from webapp.accounts.owned import OwnedAdmin
from webapp.assistants import services, views
from webapp.assistants.models import Assistant


@admin.register(Assistant)
class AssistantAdmin(OwnedAdmin):
    """What an admin or its owner changes; everybody else only talks to it."""

    list_display = ("title", "job", "version", "visibility", "offered", "conversation_count", "owner", "position")
    list_display_links = ("title",)
    list_filter = ("task", "visibility", "published")
    search_fields = ("slug", "name_en", "name_zh")
    list_per_page = 50

    def get_queryset(self, request: HttpRequest) -> QuerySet[Assistant]:
        """An admin's all, a trainer's own: `visible_to` is about the picker of the chat, not about this list."""
        editable = Assistant.objects.editable_by(request.user)
        rows = ModelAdmin.get_queryset(self, request).filter(pk__in=editable.values("pk"))
        return rows.select_related("owner").annotate(conversation_total=Count("conversations"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may edit it."""
        return self.has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who may edit it, but not what came with Parley: it would be back at the next start."""
        return self.has_change_permission(request, obj) and not (obj is not None and obj.shipped)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without removal by the dozen."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_urls(self) -> list[URLPattern]:
        """Our own pages come first."""
        own = (("promote", views.promote), ("roll-back", views.roll_back), ("documents", views.add_documents),
               ("documents/remove", views.remove_document), ("glossary", views.glossary))
        names = ("promote", "roll_back", "documents", "remove_document", "glossary")
        return [path(f"<int:assistant_id>/{route}/", self.admin_site.admin_view(view),
                     name=f"assistants_assistant_{name}") for (route, view), name in zip(own, names, strict=True)
                ] + super().get_urls()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        """Publishing an artifact."""
        return views.publish(request)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None,
                    ) -> HttpResponseBase:
        """The assistant's page."""
        return views.edit(request, object_id)

    def get_deleted_objects(self, objects: Any, request: HttpRequest) -> tuple[Any, ...]:
        """The assistant and how much hangs on it; not the titles of conversations, which are their visitors' own."""
        counts = {self.opts.verbose_name_plural: len(objects)}
        for one in objects:
            counts[say("conversations")] = one.conversations.count()
            counts[say("share links")] = one.links.count()
        return [str(one) for one in objects], counts, set(), []

    def delete_model(self, request: HttpRequest, assistant: Assistant) -> None:
        """With its conversations, links and documents."""
        services.delete(assistant=assistant)

    @display(description=_("name"), ordering="name_en")
    def title(self, assistant: Assistant) -> str:
        """In the reader's language."""
        return assistant.name

    @display(description=_("Job"), ordering="task")
    def job(self, assistant: Assistant) -> str:
        """What it does."""
        return say(assistant.get_task_display())

    @display(description=_("version"))
    def version(self, assistant: Assistant) -> str:
        """Which one answers, and the artifact's name."""
        current = assistant.current
        return f"{current.number}: {current.artifact.name}" if current else ""

    @display(description=_("offered"), boolean=True, ordering="published")
    def offered(self, assistant: Assistant) -> bool:
        """Whether the chat's picker has it."""
        return assistant.published

    @display(description=_("conversations"), ordering="conversation_total")
    def conversation_count(self, assistant: Assistant) -> int:
        """How many visitors have begun."""
        return int(assistant.conversation_total)
