"""Conversations in the admin: how many, how long, how they ended. What visitors wrote stays between them and Parley."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from webapp.accounts.owned import OwnedAdmin
from webapp.chat import review_pages
from webapp.chat.models import ERROR, Conversation, Feedback


@admin.register(Conversation)
class ConversationAdmin(ModelAdmin):
    """Figures only: no titles, no messages, no documents."""

    list_display = ("id", "assistant", "owner", "message_count", "broken_count", "created", "updated")
    list_display_links = None
    list_filter = ("assistant",)
    date_hierarchy = "updated"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        """With the number of messages and of broken answers."""
        broken = Count("messages", filter=Q(messages__state=ERROR))
        rows = super().get_queryset(request).select_related("assistant", "owner")
        return rows.annotate(message_total=Count("messages"), broken_total=broken)

    @display(description=_("messages"), ordering="message_total")
    def message_count(self, conversation: Conversation) -> int:
        """Both sides' messages."""
        return int(conversation.message_total)

    @display(description=_("broken answers"), ordering="broken_total")
    def broken_count(self, conversation: Conversation) -> int:
        """Answers that ended in an error."""
        return int(conversation.broken_total)

    def has_view_permission(self, request: HttpRequest, conversation: Conversation | None = None) -> bool:
        """The list, not a single one: its page would say its title."""
        return conversation is None and bool(super().has_view_permission(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Visitors make them."""
        return False

    def has_change_permission(self, request: HttpRequest, conversation: Conversation | None = None) -> bool:
        """Nobody rewrites what was said."""
        return False

    def has_delete_permission(self, request: HttpRequest, conversation: Conversation | None = None) -> bool:
        """Visitors delete theirs, and `manage.py forget` the old ones, files included."""
        return False


@admin.register(Feedback)
class FeedbackAdmin(OwnedAdmin):
    """What visitors thought of answers: one page, for review."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponseBase:
        """The review page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return review_pages.review(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Visitors give it."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The list only."""
        return obj is None and super().has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """On the review page only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Its visitor takes it back."""
        return False
