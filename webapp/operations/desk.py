"""The first page of the admin: what to do next, and what has been done of late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from webapp.assistants.models import Assistant
from webapp.datasets.models import Dataset
from webapp.jobs.models import Job
from webapp.sharing.models import ShareLink
from webapp.training.models import Artifact, TrainingRun

RECENT = 5  # of each


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the four on the way from a file to a shared assistant."""

    name: str
    title: str
    text: str
    action: str
    url: str
    all: str  # the list of what there is
    count: int
    counted: str


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What templates/admin/index.html shows, of what this person may see."""
    ways = steps(request.user)
    return {
        **context, "title": _("Overview"), "steps": ways,
        "next": next((step.name for step in ways if not step.count), ""),
        "datasets": Dataset.objects.visible_to(request.user)[:RECENT],
        "runs": TrainingRun.objects.visible_to(request.user).select_related("job")[:RECENT],
        "waiting": Job.objects.unfinished().count(),
    }


def steps(user: Any) -> list[Step]:
    """With how much of each this person has."""
    return [_upload(user), _train(user), _publish(user), _share(user)]


def _upload(user: Any) -> Step:
    count = Dataset.objects.visible_to(user).count()
    return Step(
        name="upload", title=_("Upload"), count=count,
        text=_("Bring a file of examples, paste some, or begin with a sample. Parley tells you what is in it."),
        action=_("Add a dataset"), url=reverse("admin:datasets_dataset_add"),
        all=reverse("admin:datasets_dataset_changelist"),
        counted=ngettext("%(n)s dataset", "%(n)s datasets", count) % {"n": count},
    )


def _train(user: Any) -> Step:
    count = TrainingRun.objects.visible_to(user).count()
    return Step(
        name="train", title=_("Train"), count=count,
        text=_("Choose a dataset and a model. The curves move while it learns, and its report says how good it is."),
        action=_("Train a model"), url=reverse("admin:training_trainingrun_add"),
        all=reverse("admin:training_trainingrun_changelist"),
        counted=ngettext("%(n)s training", "%(n)s trainings", count) % {"n": count},
    )


def _publish(user: Any) -> Step:
    count = Assistant.objects.editable_by(user).exclude(owner=None).count()
    newest = Artifact.objects.editable_by(user).first()
    return Step(
        name="publish", title=_("Publish"), count=count,
        text=_("Give what you have trained a name and a welcome. It becomes an assistant that answers in the chat."),
        action=_("Publish an assistant"),
        url=reverse("admin:assistants_assistant_add") + (f"?artifact={newest.pk}" if newest else ""),
        all=reverse("admin:assistants_assistant_changelist"),
        counted=ngettext("%(n)s assistant", "%(n)s assistants", count) % {"n": count},
    )


def _share(user: Any) -> Step:
    count = ShareLink.objects.visible_to(user).count()
    return Step(
        name="share", title=_("Share"), count=count,
        text=_("Make a link for people without an account. You set how long and how much, and can end it at any time."),
        action=_("Make a link"), url=reverse("admin:sharing_sharelink_add"),
        all=reverse("admin:sharing_sharelink_changelist"),
        counted=ngettext("%(n)s link", "%(n)s links", count) % {"n": count},
    )
