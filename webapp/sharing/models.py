"""The link to a live assistant, and the visitors that came by it."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.accounts.rights import is_admin, may_train, owned_by
from webapp.assistants.models import Assistant, Visibility


class LinkState(StrEnum):
    """Whether a link lets people in, and why not."""

    OPEN = "open"
    PAUSED = "paused"
    EXPIRED = "expired"
    REVOKED = "revoked"
    LAPSED = "lapsed"  # its owner may not share its assistant any more

    @property
    def label(self) -> Any:
        """In the reader's language."""
        return LABELS[self]


LABELS = {
    LinkState.OPEN: _("open"), LinkState.PAUSED: _("paused"), LinkState.EXPIRED: _("expired"),
    LinkState.REVOKED: _("revoked"), LinkState.LAPSED: _("its owner may not share this assistant any more"),
}


def shareable_by(user: Any) -> models.QuerySet[Assistant]:
    """The assistants that this user may make links to: those he may edit, and those that everyone sees anyway.

    One that only members see is not his to show to the world.
    """
    if not may_train(user):
        return Assistant.objects.none()
    return Assistant.objects.filter(owned_by(user) | models.Q(visibility=Visibility.SITE, published=True))


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    """Reads of links."""

    def visible_to(self, user: Any) -> ShareLinkQuerySet:
        """Those that this user may see; the same may be changed."""
        return self.filter(owned_by(user))

    editable_by = visible_to


class ShareLink(models.Model):
    """An address `/s/<token>/` at which one assistant answers.

    The token is HMAC-SHA256(site key, nonce), so that the owner can see it again while the database alone does not
    give it away; looking up goes by its hash.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    assistant = models.ForeignKey(Assistant, models.CASCADE, related_name="links", verbose_name=_("assistant"))
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="links", verbose_name=_("owner"))
    note = models.CharField(_("for whom"), max_length=120, blank=True)
    nonce = models.CharField(max_length=64, editable=False)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    password = models.CharField(max_length=128, blank=True, editable=False)  # hashed by Django; "" asks for none
    expires = models.DateTimeField(_("valid until"), null=True, blank=True)
    paused = models.BooleanField(_("paused"), default=False)
    revoked = models.DateTimeField(_("revoked"), null=True, blank=True)
    visitor_limit = models.PositiveIntegerField(_("questions per visitor"), null=True, blank=True)
    total_limit = models.PositiveIntegerField(_("questions in all"), null=True, blank=True)
    languages = models.JSONField(_("languages of the page"), default=list, blank=True)  # [] allows all
    embed_origins = models.JSONField(_("pages that may embed it"), default=list, blank=True)  # full origins
    keep_days = models.PositiveIntegerField(_("days that conversations are kept"), default=30)
    requests = models.PositiveIntegerField(_("questions"), default=0)
    tokens = models.PositiveBigIntegerField(_("tokens"), default=0)
    created = models.DateTimeField(_("created"), default=timezone.now)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        ordering = ("-created",)
        verbose_name, verbose_name_plural = _("share link"), _("share links")

    def __str__(self) -> str:
        return self.note or self.assistant.name

    @property
    def state(self) -> LinkState:
        """As of now. Asks no database when `assistant` and `owner` are loaded."""
        if self.revoked is not None:
            return LinkState.REVOKED
        if not self._shareable:
            return LinkState.LAPSED
        if self.expires is not None and self.expires <= timezone.now():
            return LinkState.EXPIRED
        return LinkState.PAUSED if self.paused else LinkState.OPEN

    @property
    def _shareable(self) -> bool:
        """What `shareable_by` says of its owner and its assistant today: rights may have changed since it was made."""
        assistant, owner = self.assistant, self.owner
        for_all = assistant.visibility == Visibility.SITE and assistant.published
        return may_train(owner) and (is_admin(owner) or assistant.owner_id == owner.pk or for_all)


class LinkVisitor(models.Model):
    """Somebody who came by a link: counts only, under a hash of the session's name."""

    link = models.ForeignKey(ShareLink, models.CASCADE, related_name="visitors")
    key = models.CharField(max_length=64)
    requests = models.PositiveIntegerField(default=0)
    first = models.DateTimeField(default=timezone.now)
    last = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("link", "key"), name="sharing_visitor_once"),)

    def __str__(self) -> str:
        return self.key[:8]
