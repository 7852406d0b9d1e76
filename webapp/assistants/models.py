"""The assistant: what visitors pick and talk to."""

from __future__ import annotations

import uuid
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from modeling.artifact import Artifact as ArtifactFolder
from modeling.errors import ParleyError
from modeling.tasks import TASKS
from webapp.accounts.rights import is_member, owned_by
from webapp.training.models import Artifact


class Visibility(models.TextChoices):
    """Who finds an assistant in the picker. Share links reach it in any case."""

    PRIVATE = "private", _("only its owner")
    MEMBERS = "members", _("everyone with an account")
    SITE = "site", _("everyone who opens this site")


class AssistantQuerySet(models.QuerySet["Assistant"]):
    """Who sees which assistants is decided here."""

    def visible_to(self, user: Any) -> AssistantQuerySet:
        """Those that this user, or a visitor without an account (None), can pick, in the order of the picker."""
        seen = models.Q(visibility=Visibility.SITE)
        if is_member(user):
            seen |= models.Q(visibility=Visibility.MEMBERS) | models.Q(owner=user.pk)
        return self.filter(seen, published=True).order_by("position", "slug")

    def editable_by(self, user: Any) -> AssistantQuerySet:
        """Those that this user may change: an admin all, a trainer the own ones."""
        return self.filter(owned_by(user))


@lru_cache(maxsize=256)
def model_in(folder: str) -> str:
    """The model of an artifact's folder, such as lstm; "" where there is none to read. A folder never changes."""
    try:
        return ArtifactFolder.load(folder, verify=False).model
    except ParleyError:
        return ""


class Assistant(models.Model):
    """A name, an artifact and the manner of talking to it. Its address stays when its artifact changes."""

    slug = models.SlugField(_("address"), unique=True)
    name_en = models.CharField(_("name in English"), max_length=80)
    name_zh = models.CharField(_("name in Chinese"), max_length=80, blank=True)
    task = models.CharField(_("task"), max_length=40, choices=[(name, task.title) for name, task in TASKS.items()])
    artifact = models.CharField(_("artifact folder"), max_length=500)
    welcome_en = models.TextField(_("welcome in English"), blank=True)
    welcome_zh = models.TextField(_("welcome in Chinese"), blank=True)
    examples = models.JSONField(_("examples"), default=list, blank=True)  # [{"text", "text_zh"?, "options"?}]
    documents = models.JSONField(_("document indexes"), default=list, blank=True)  # PassageIndex folders
    defaults = models.JSONField(_("sampling defaults"), default=dict, blank=True)  # fields of SamplingParams
    directions = models.JSONField(_("directions"), default=list, blank=True)  # translation: ["en-fr", ...]
    position = models.PositiveSmallIntegerField(_("position"), default=100)
    published = models.BooleanField(_("published"), default=True)
    visibility = models.CharField(_("visible to"), max_length=10, choices=Visibility, default=Visibility.SITE)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True,
                              related_name="assistants", verbose_name=_("owner"))  # starters have none

    objects = AssistantQuerySet.as_manager()

    class Meta:
        ordering = ("position", "slug")
        verbose_name, verbose_name_plural = _("assistant"), _("assistants")

    def __str__(self) -> str:
        return self.name

    @property
    def model(self) -> str:
        """The model of its task that answers."""
        return model_in(self.artifact)

    @property
    def name(self) -> str:
        """The name in the reader's language."""
        return self._spoken(self.name_en, self.name_zh)

    @property
    def welcome(self) -> str:
        """The welcome in the reader's language."""
        return self._spoken(self.welcome_en, self.welcome_zh)

    @property
    def welcome_examples(self) -> list[dict[str, Any]]:
        """Three examples to click, `{"text", "options"}`, in the reader's language where they have one."""
        return [{"text": self._spoken(one["text"], one.get("text_zh", "")), "options": one.get("options", {})}
                for one in self.examples]

    @property
    def current(self) -> AssistantVersion | None:
        """The version that answers; None where none was ever registered."""
        return self.versions.select_related("artifact").first()

    @property
    def shipped(self) -> bool:
        """Whether it came with Parley: registered again at each start, so that it can be hidden and not deleted."""
        return self.owner_id is None and self.versions.filter(number=1, artifact__origin="starter").exists()

    @property
    def available(self) -> bool:
        """Whether its artifact is still there."""
        return Path(self.artifact, "manifest.json").is_file()

    @staticmethod
    def _spoken(english: str, chinese: str) -> str:
        return chinese if chinese and (get_language() or "").startswith("zh") else english


class AssistantVersion(models.Model):
    """An artifact that an assistant has answered with. The newest `promoted` one is current: `Assistant.artifact`."""

    assistant = models.ForeignKey(Assistant, models.CASCADE, related_name="versions")
    artifact = models.ForeignKey(Artifact, models.PROTECT, related_name="+", verbose_name=_("artifact"))
    number = models.PositiveIntegerField(_("version"))
    promoted = models.DateTimeField(_("promoted"), default=timezone.now)
    promoted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
                                    verbose_name=_("by"))

    class Meta:
        ordering = ("-promoted", "-pk")
        constraints = (models.UniqueConstraint(fields=("assistant", "artifact"), name="assistants_version_once"),)
        verbose_name, verbose_name_plural = _("version"), _("versions")

    def __str__(self) -> str:
        return f"{self.assistant} v{self.number}"


class StoredDocument(models.Model):
    """A file that came in, under a random name, beside the index that was made of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    bytes = models.PositiveBigIntegerField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """Where its file and its index lie."""
        return settings.DOCUMENTS / str(self.id)

    @property
    def source(self) -> Path:
        """The file as it came."""
        return self.folder / f"source{Path(self.name).suffix.lower()}"

    @property
    def index(self) -> Path:
        """Its PassageIndex."""
        return self.folder / "index"


class AssistantDocument(StoredDocument):
    """A document that an assistant answers from; its index is one of `Assistant.documents`."""

    assistant = models.ForeignKey(Assistant, models.CASCADE, related_name="files")
    passages = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("created",)
        verbose_name, verbose_name_plural = _("document of an assistant"), _("documents of assistants")
