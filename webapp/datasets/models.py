"""Uploads, datasets and their frozen versions."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from modeling.tasks import TASKS
from webapp.accounts.rights import owned_by
from webapp.jobs.models import Job

SPLITS = ("train", "validation", "test")
TASK_CHOICES = [(name, _(task.title)) for name, task in TASKS.items()]


class UploadQuerySet(models.QuerySet["Upload"]):
    """Reads of uploads."""

    def visible_to(self, user: Any) -> UploadQuerySet:
        """Those that this user may see and go on with."""
        return self.filter(owned_by(user))

    editable_by = visible_to


class Upload(models.Model):
    """A file on its way in, piece by piece. `received` bytes are on the disk for certain."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=255)  # as the person calls it; never part of a path
    bytes = models.PositiveBigIntegerField()
    received = models.PositiveBigIntegerField(default=0)
    created = models.DateTimeField(default=timezone.now)

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ("created",)
        verbose_name, verbose_name_plural = _("upload"), _("uploads")

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        """Where its bytes lie."""
        return settings.HOME / "uploads" / str(self.id)

    @property
    def complete(self) -> bool:
        """Whether all bytes are here."""
        return self.received == self.bytes


class DatasetQuerySet(models.QuerySet["Dataset"]):
    """Reads of datasets."""

    def visible_to(self, user: Any) -> DatasetQuerySet:
        """Those that this user may see; the same may be changed."""
        return self.filter(owned_by(user))

    editable_by = visible_to


class Dataset(models.Model):
    """Source files under a name. What trainings use are its versions."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="datasets",
                              verbose_name=_("owner"))
    name = models.CharField(_("name"), max_length=120)
    task = models.CharField(_("task"), max_length=40, blank=True,  # blank: guessed by the first report
                            choices=TASK_CHOICES)
    sources = models.JSONField(default=list)  # [{"name", "bytes", "file"}]; `file` is below `folder`/source
    created = models.DateTimeField(_("created"), default=timezone.now)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ("-created",)
        verbose_name, verbose_name_plural = _("dataset"), _("datasets")

    def __str__(self) -> str:
        return self.name

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return settings.HOME / "datasets" / str(self.id)

    @property
    def source_files(self) -> list[Path]:
        """The files as they came, in the order given."""
        return [self.folder / "source" / source["file"] for source in self.sources]


class VersionState(models.TextChoices):
    """Where a version stands."""

    BUILDING = "building", _("being read")
    READY = "ready", _("ready")
    FAILED = "failed", _("not usable")


class DatasetVersionQuerySet(models.QuerySet["DatasetVersion"]):
    """Reads of versions."""

    def visible_to(self, user: Any) -> DatasetVersionQuerySet:
        """Those of datasets that this user may see."""
        return self.filter(owned_by(user, "dataset__owner"))

    editable_by = visible_to

    def ready(self) -> DatasetVersionQuerySet:
        """Those that can be trained on."""
        return self.filter(state=VersionState.READY)


class DatasetVersion(models.Model):
    """Checked rows and their splits, frozen once READY; the report of how they came about."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    columns = models.JSONField(default=dict, blank=True)  # role -> column, as chosen; {} lets the report guess
    options = models.JSONField(default=dict, blank=True)  # fields of modeling.datasets.BuildOptions
    state = models.CharField(_("state"), max_length=10, choices=VersionState, default=VersionState.BUILDING)
    report = models.JSONField(default=dict, blank=True)  # grows while it is built; see modeling.datasets.build
    error = models.TextField(blank=True)
    added_rows = models.PositiveIntegerField(default=0)  # accepted corrections, in `additions`
    note = models.CharField(_("note"), max_length=200, blank=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="+")
    created = models.DateTimeField(_("created"), default=timezone.now)

    objects = DatasetVersionQuerySet.as_manager()

    class Meta:
        ordering = ("dataset", "-number")
        constraints = (models.UniqueConstraint(fields=("dataset", "number"), name="datasets_version_number"),)
        verbose_name, verbose_name_plural = _("dataset version"), _("dataset versions")

    def __str__(self) -> str:
        return f"{self.dataset.name} v{self.number}"

    @property
    def folder(self) -> Path:
        """{train,validation,test}.jsonl, problems.jsonl, report.json; appears whole when the build ends."""
        return self.dataset.folder / "versions" / str(self.number)

    @property
    def additions(self) -> Path:
        """Rows of the task's schema that people added, JSON lines; there when `added_rows` is above 0."""
        return self.dataset.folder / "additions" / f"{self.number}.jsonl"

    def split(self, name: str) -> Path:
        """The rows of a split, JSON lines."""
        return self.folder / f"{name}.jsonl"
