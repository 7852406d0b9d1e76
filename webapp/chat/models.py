"""Conversations, their messages, and the documents that visitors add to them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from webapp.accounts.rights import owned_by
from webapp.assistants.models import Assistant, AssistantVersion, StoredDocument
from webapp.datasets.models import DatasetVersion
from webapp.sharing.models import ShareLink

USER, ASSISTANT = "user", "assistant"
STREAMING, DONE, STOPPED, ERROR = "streaming", "done", "stopped", "error"
READING, READY, FAILED = "reading", "ready", "failed"
ROLES = [(USER, _("You")), (ASSISTANT, _("Assistant"))]
MESSAGE_STATES = [(STREAMING, _("Being written")), (DONE, _("Done")), (STOPPED, _("Stopped")), (ERROR, _("Broken off"))]
DOCUMENT_STATES = [(READING, _("Reading")), (READY, _("Ready")), (FAILED, _("Not readable"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who is asking: a signed-in user, or a session without an account."""

    token: str  # names the session; "" where there is none
    user_id: int | None = None
    link_id: uuid.UUID | None = None  # came by a share link: sees what belongs to that link and this session only


class ConversationQuerySet(models.QuerySet["Conversation"]):
    """Who sees which conversations is decided here, for pages and sockets alike."""

    def visible_to(self, visitor: Visitor) -> ConversationQuerySet:
        """A user's own; and those of this session that belong to no user."""
        if visitor.link_id:
            return self.filter(link_id=visitor.link_id, session=visitor.token) if visitor.token else self.none()
        mine = models.Q(owner_id=visitor.user_id) if visitor.user_id else models.Q(pk__in=[])
        if visitor.token:
            mine |= models.Q(owner=None, session=visitor.token)
        return self.filter(mine, link=None)


class Conversation(models.Model):
    """Messages with one assistant."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="conversations")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    session = models.CharField(max_length=64, blank=True, db_index=True)
    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, null=True, blank=True, related_name="conversations")
    title = models.CharField(_("title"), max_length=120, blank=True)
    options = models.JSONField(default=dict)  # what the visitor set last: direction, sentences, temperature, length
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True, db_index=True)

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ("-updated",)
        verbose_name, verbose_name_plural = _("conversation"), _("conversations")

    def __str__(self) -> str:
        return self.title or str(self.id)

    def get_absolute_url(self) -> str:
        return reverse("conversation", args=[self.id])


class Message(models.Model):
    """What one side said."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(max_length=10, choices=ROLES)
    state = models.CharField(max_length=10, choices=MESSAGE_STATES, default=DONE)
    text = models.TextField(blank=True)
    options = models.JSONField(default=dict)  # the options it was asked or answered with
    result = models.JSONField(default=dict)  # the task's structured answer, see modeling.inference.Chunk
    trace = models.JSONField(default=list)  # generation: each token, its probability and its alternatives; may be long
    error = models.TextField(blank=True)  # what happened, in plain words
    seconds = models.FloatField(null=True)  # from the question to the end of the answer
    version = models.ForeignKey(AssistantVersion, models.SET_NULL, null=True, blank=True, related_name="+")  # answered
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("id",)
        verbose_name, verbose_name_plural = _("message"), _("messages")

    def __str__(self) -> str:
        return f"{self.role}: {self.text[:40]}"


class FeedbackState(models.TextChoices):
    """Where a correction stands. A thumb without one needs no review."""

    WAITING = "waiting", _("waiting for review")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("rejected")


class FeedbackQuerySet(models.QuerySet["Feedback"]):
    """Reads of feedback."""

    def visible_to(self, user: Any) -> FeedbackQuerySet:
        """What was said about assistants that this user owns; the same may be reviewed."""
        return self.filter(owned_by(user, "message__conversation__assistant__owner"))

    editable_by = visible_to

    def waiting(self) -> FeedbackQuerySet:
        """Corrections that nobody has looked at yet. A thumb alone waits for nothing."""
        return self.filter(state=FeedbackState.WAITING).exclude(correction="")

    def with_questions(self) -> FeedbackQuerySet:
        """With the text that was asked, as `question`, and all that a reviewer is shown."""
        asked = Message.objects.filter(conversation=models.OuterRef("message__conversation"), role=USER,
                                       pk__lt=models.OuterRef("message")).order_by("-pk")
        shown = self.select_related(
            "message__conversation__assistant", "message__version__artifact__run__version__dataset", "version__dataset",
            "reviewed_by")
        return shown.annotate(question=models.Subquery(asked.values("text")[:1])).defer("message__trace")


class Feedback(models.Model):
    """What the visitor thought of an answer, and what it should have said."""

    message = models.OneToOneField(Message, models.CASCADE, related_name="feedback")
    good = models.BooleanField(_("good"))
    correction = models.TextField(_("correction"), blank=True)
    state = models.CharField(_("state"), max_length=10, choices=FeedbackState, default=FeedbackState.WAITING)
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    reviewed = models.DateTimeField(null=True, blank=True)
    version = models.ForeignKey(DatasetVersion, models.SET_NULL, null=True, blank=True, related_name="+")
    created = models.DateTimeField(_("created"), auto_now=True)

    objects = FeedbackQuerySet.as_manager()

    class Meta:
        ordering = ("-created",)
        verbose_name, verbose_name_plural = _("feedback"), _("feedback")

    def __str__(self) -> str:
        return f"{'+' if self.good else '-'} {self.message_id}"


class Document(StoredDocument):
    """A file that a visitor added to a conversation, to ask about it."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="documents")
    state = models.CharField(max_length=10, choices=DOCUMENT_STATES, default=READING)
    reason = models.TextField(blank=True)  # why it failed
    facts = models.JSONField(default=dict)  # what reading it found: passages, characters

    class Meta:
        ordering = ("created",)
        verbose_name, verbose_name_plural = _("document"), _("documents")
