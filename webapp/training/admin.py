"""Trainings and artifacts in the admin."""

from __future__ import annotations

from django.contrib import admin

from webapp.accounts.owned import OwnedAdmin
from webapp.training.models import Artifact, TrainingRun


@admin.register(TrainingRun)
class TrainingRunAdmin(OwnedAdmin):
    """See the model."""


@admin.register(Artifact)
class ArtifactAdmin(OwnedAdmin):
    """See the model."""
