"""Word vectors and where they come from."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.accounts.rights import owned_by
from webapp.datasets.models import DatasetVersion
from webapp.jobs.models import Job

METHODS = [("skipgram", _("word2vec, skip-gram")), ("cbow", _("word2vec, continuous bag of words")),
           ("glove", _("GloVe")), ("", _("taken in"))]


class WordVectorsQuerySet(models.QuerySet["WordVectors"]):
    """Reads of vectors."""

    def visible_to(self, user: Any) -> WordVectorsQuerySet:
        """Those that this user may see; the same may be changed."""
        return self.filter(owned_by(user))

    editable_by = visible_to

    def ready(self) -> WordVectorsQuerySet:
        """Those that can be asked and started from."""
        return self.filter(words__gt=0)


class WordVectors(models.Model):
    """A folder that modeling.embeddings wrote. It is there, whole, when `words` is above 0."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="vectors", verbose_name=_("owner"))
    name = models.CharField(_("name"), max_length=120)
    method = models.CharField(_("method"), max_length=20, blank=True, choices=METHODS)
    settings = models.JSONField(default=dict, blank=True)  # those that differ from the method's
    version = models.ForeignKey(DatasetVersion, models.SET_NULL, null=True, blank=True, related_name="+")
    words = models.PositiveIntegerField(_("words"), default=0)
    dimensions = models.PositiveIntegerField(_("dimensions"), default=0)
    bytes = models.PositiveBigIntegerField(_("size"), default=0)
    facts = models.JSONField(default=dict, blank=True)  # see Vectors.facts
    job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="+")
    created = models.DateTimeField(_("created"), default=timezone.now)

    objects = WordVectorsQuerySet.as_manager()

    class Meta:
        ordering = ("-created",)
        verbose_name, verbose_name_plural = _("word vectors"), _("word vectors")

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return Path(settings.HOME) / "vectors" / str(self.id)
