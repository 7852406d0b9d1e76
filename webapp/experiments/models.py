"""Searches for settings, and their trials."""

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
from webapp.training.models import TASK_CHOICES, Artifact


class SearchQuerySet(models.QuerySet["Search"]):
    """Reads of searches."""

    def visible_to(self, user: Any) -> SearchQuerySet:
        """Those that this user may see; the same may be changed."""
        return self.filter(owned_by(user))

    editable_by = visible_to


class Search(models.Model):
    """Many short trainings of one model, judged on the validation split. Its state is its job's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="searches",
                              verbose_name=_("owner"))
    name = models.CharField(_("name"), max_length=120)
    version = models.ForeignKey(DatasetVersion, models.CASCADE, related_name="searches", verbose_name=_("dataset"))
    task = models.CharField(_("task"), max_length=40, choices=TASK_CHOICES)
    model = models.CharField(_("model"), max_length=40)
    space = models.JSONField(default=dict)  # setting -> its range, as modeling.experiments.read_space takes it
    trials_wanted = models.PositiveIntegerField(_("trials"), default=20)
    seed = models.PositiveIntegerField(_("seed"), default=0)
    parent = models.ForeignKey(Artifact, models.SET_NULL, null=True, blank=True, related_name="+",
                               verbose_name=_("continues from"))
    base = models.CharField(max_length=120, blank=True, default="")  # or from this folder below PARLEY_MODELS_FOLDER
    job = models.OneToOneField(Job, models.SET_NULL, null=True, blank=True, related_name="search")
    result = models.JSONField(default=dict, blank=True)  # settings, value and number of the best trial
    created = models.DateTimeField(_("created"), default=timezone.now)

    objects = SearchQuerySet.as_manager()

    class Meta:
        ordering = ("-created",)
        verbose_name, verbose_name_plural = _("search"), _("searches")

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """Its attempts, one folder each; gone when it is over."""
        return settings.HOME / "searches" / str(self.id)


class Trial(models.Model):
    """One training of a search."""

    search = models.ForeignKey(Search, models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField()
    settings = models.JSONField()
    state = models.CharField(max_length=10)  # running, complete, pruned, failed
    value = models.FloatField(null=True, blank=True)  # the best figure of its evaluations
    curve = models.JSONField(default=list)  # [[step, figure], ...]
    text = models.TextField(blank=True, default="")  # why it failed

    class Meta:
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("search", "number"), name="experiments_trial_once"),)

    def __str__(self) -> str:
        return f"{self.search} {self.number}"
