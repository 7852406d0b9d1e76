"""Training runs, their events, and the artifacts that runs, uploads and starters give."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from modeling.artifact import Artifact as ArtifactFolder
from modeling.errors import ArtifactError
from modeling.tasks import TASKS
from webapp.accounts.rights import may_train, owned_by
from webapp.datasets.models import DatasetVersion
from webapp.jobs.models import Job

TASK_CHOICES = [(name, _(task.title)) for name, task in TASKS.items()]
STEP, EVALUATION, SAMPLES, LOG = "step", "evaluation", "samples", "log"


class ArtifactQuerySet(models.QuerySet["Artifact"]):
    """Reads of artifacts."""

    def visible_to(self, user: Any) -> ArtifactQuerySet:
        """An admin's all, a trainer's own; starters for both."""
        return self.filter(owned_by(user) | models.Q(origin="starter")) if may_train(user) else self.none()

    def editable_by(self, user: Any) -> ArtifactQuerySet:
        """Starters cannot be changed."""
        return self.filter(owned_by(user)).exclude(origin="starter")


class Artifact(models.Model):
    """A folder that modeling.artifact wrote and checked: what can be published and continued from."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True,
                              related_name="artifacts", verbose_name=_("owner"))
    name = models.CharField(_("name"), max_length=120)
    task = models.CharField(_("task"), max_length=40, choices=TASK_CHOICES)
    model = models.CharField(_("model"), max_length=40)
    path = models.CharField(max_length=500, unique=True)
    origin = models.CharField(_("origin"), max_length=10, choices=[
        ("training", _("trained here")), ("upload", _("uploaded")), ("import", _("imported from Hugging Face")),
        ("adoption", _("brought as ONNX")), ("starter", _("came with Parley"))])
    bytes = models.PositiveBigIntegerField(_("size"), default=0)
    metrics = models.JSONField(default=dict, blank=True)  # metrics.json
    report = models.JSONField(default=dict, blank=True)  # the evaluation report, see modeling.inference.evaluation
    card = models.TextField(_("model card"), blank=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="+")  # of its evaluation
    created = models.DateTimeField(_("created"), default=timezone.now)

    objects = ArtifactQuerySet.as_manager()

    class Meta:
        ordering = ("-created",)
        verbose_name, verbose_name_plural = _("artifact"), _("artifacts")

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """The artifact's folder."""
        return Path(self.path)

    @property
    def folder_config(self) -> dict[str, Any]:
        """The configuration in its manifest; {} where the folder is gone."""
        try:
            return dict(ArtifactFolder.load(self.folder, verify=False).config)
        except ArtifactError:
            return {}

    @property
    def evaluation_folder(self) -> Path:
        """Its evaluation: report.json and predictions.jsonl."""
        return settings.HOME / "evaluations" / str(self.id)


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    """Reads of runs."""

    def visible_to(self, user: Any) -> TrainingRunQuerySet:
        """Those that this user may see; the same may be changed."""
        return self.filter(owned_by(user))

    editable_by = visible_to


class TrainingRun(models.Model):
    """One training: what was asked, and where it stands. Its state is its job's."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="runs", verbose_name=_("owner"))
    name = models.CharField(_("name"), max_length=120)
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="runs", verbose_name=_("dataset"))
    task = models.CharField(_("task"), max_length=40, choices=TASK_CHOICES)
    model = models.CharField(_("model"), max_length=40)
    settings = models.JSONField(default=dict, blank=True)  # what differs from the defaults
    seed = models.PositiveIntegerField(_("seed"), default=0)
    storage = models.CharField(_("weights kept as"), max_length=10, default="int8")
    parent = models.ForeignKey(Artifact, models.SET_NULL, null=True, blank=True, related_name="+",
                               verbose_name=_("continues from"))
    base = models.CharField(max_length=120, blank=True, default="")  # or from this folder below PARLEY_MODELS_FOLDER
    job = models.OneToOneField(Job, models.SET_NULL, null=True, blank=True, related_name="run")
    artifact = models.OneToOneField(Artifact, models.SET_NULL, null=True, blank=True, related_name="run")
    facts = models.JSONField(default=dict, blank=True)  # what the child said at its start: steps, parameters, config
    created = models.DateTimeField(_("created"), default=timezone.now)

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        ordering = ("-created",)
        verbose_name, verbose_name_plural = _("training"), _("trainings")

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """Its attempts, one folder each, while it is trained; gone when its artifact is there."""
        return settings.HOME / "runs" / str(self.id)


class RunEvent(models.Model):
    """What a run said. A resumed attempt first deletes the events after the checkpoint that it goes on from."""

    run = models.ForeignKey(TrainingRun, models.CASCADE, related_name="events")
    attempt = models.PositiveIntegerField()
    kind = models.CharField(max_length=10)  # STEP, EVALUATION, SAMPLES, LOG
    step = models.PositiveIntegerField()  # LOG: a running number
    data = models.JSONField()
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("run", "kind", "step"), name="training_event_once"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.step}"
