"""The assistant: what visitors pick and talk to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from modeling.tasks import TASKS


class AssistantQuerySet(models.QuerySet["Assistant"]):
    """Who sees which assistants is decided here."""

    def available(self) -> AssistantQuerySet:
        """Those that a visitor can pick, in the order of the picker."""
        return self.filter(published=True).order_by("position", "slug")


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

    objects = AssistantQuerySet.as_manager()

    class Meta:
        ordering = ("position", "slug")
        verbose_name, verbose_name_plural = _("assistant"), _("assistants")

    def __str__(self) -> str:
        return self.name

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
    def available(self) -> bool:
        """Whether its artifact is still there."""
        return Path(self.artifact, "manifest.json").is_file()

    @staticmethod
    def _spoken(english: str, chinese: str) -> str:
        return chinese if chinese and (get_language() or "").startswith("zh") else english
