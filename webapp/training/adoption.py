"""Classifiers that were exported elsewhere: the form, the job, and the artifact that comes of it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from modeling.errors import RequestError
from webapp.accounts.models import User
from webapp.datasets.models import Upload
from webapp.jobs import services as jobs
from webapp.jobs.handlers import Event, folder_of_attempt
from webapp.jobs.models import Job
from webapp.training import services
from webapp.training.choices import found
from webapp.training.handlers import replace_folder

GRAPHS, ROWS, WORDS = (".onnx",), (".csv", ".tsv", ".jsonl"), (".txt", ".json")
PARTS = {"graph": GRAPHS, "samples": ROWS, "vocabulary": WORDS}
MOST_LABELS, LONGEST_LABEL, MOST_TEXTS = 1000, 200, 50


class AdoptForm(forms.Form):
    """The files come in before; here is what they do not say."""

    name = forms.CharField(label=_("Name"), max_length=120, required=False)
    labels = forms.CharField(
        label=_("Labels of its outputs"), widget=forms.Textarea(attrs={"rows": 4}),
        max_length=MOST_LABELS * LONGEST_LABEL, help_text=_("One a line, in the order of the model's output."))
    texts = forms.CharField(
        label=_("Texts to try"), widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=20_000,
        help_text=_("One a line; or drop a file of rows with text and label, and the share of right answers is told."))
    pad = forms.ChoiceField(label=_("Short texts are filled up"), required=False,
                            choices=[("after", _("behind the text")), ("before", _("before the text"))])
    length = forms.IntegerField(label=_("Tokens of a text"), min_value=1, max_value=8192, required=False,
                                help_text=_("Only where the model reads token ids and its graph does not say."))
    uploads = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, user: User) -> None:
        self.user = user
        super().__init__(data)

    def clean_labels(self) -> list[str]:
        """At least two, each once."""
        labels = [line.strip() for line in self.cleaned_data["labels"].splitlines() if line.strip()]
        if len(labels) < 2 or len(set(labels)) < len(labels) or len(labels) > MOST_LABELS:
            raise forms.ValidationError(_("At least two labels, each once."))
        if max(map(len, labels)) > LONGEST_LABEL or any(label.startswith("-") for label in labels):
            raise forms.ValidationError(_("A label is short, and does not begin with a hyphen."))
        return labels

    def clean_texts(self) -> list[str]:
        """Not too many; none that a command would take for an option."""
        texts = [line.strip() for line in self.cleaned_data["texts"].splitlines() if line.strip()]
        if len(texts) > MOST_TEXTS or any(text.startswith("-") for text in texts):
            raise forms.ValidationError(_("At most %(n)s texts, none of which begins with a hyphen.") % {
                "n": MOST_TEXTS})
        return texts

    def clean(self) -> dict[str, Any]:
        """The files by what they are: one graph, at most one of the others."""
        cleaned: dict[str, Any] = super().clean()
        ids = self.data.getlist("uploads") if hasattr(self.data, "getlist") else []
        sent = [one for pk in dict.fromkeys(ids) if (one := found(Upload.objects.filter(owner=self.user), pk))]
        self.parts: dict[str, Upload] = {}
        for upload in sent:
            part = next((part for part, ends in PARTS.items() if upload.name.lower().endswith(ends)), "")
            if not part or part in self.parts or not upload.complete:
                self.add_error("uploads", gettext("%(name)s is not whole, or one too many of its kind") % {
                    "name": upload.name})
                return cleaned
            self.parts[part] = upload
        if "graph" not in self.parts:
            self.add_error("uploads", gettext("Drop the model as a file .onnx; nothing else is opened."))
        elif not cleaned.get("texts") and "samples" not in self.parts and "texts" not in self.errors:
            self.add_error("texts", gettext("Give at least one text to try the model on, or a file of rows."))
        return cleaned

    def save(self) -> Job:
        """Queue the check."""
        given = self.cleaned_data
        graph = self.parts["graph"]
        name = given["name"] or Path(graph.name).stem
        return jobs.enqueue(
            kind="adoption", owner=self.user, title=name, url=reverse("admin:training_artifact_changelist"),
            key=f"adoption:{graph.pk}", arguments={
                "files": {part: str(upload.pk) for part, upload in self.parts.items()}, "name": name,
                "labels": given["labels"], "texts": given["texts"], "pad": given["pad"] or "after",
                "length": given["length"]})


class AdoptionHandler:
    """The check of a foreign graph in a child, which classifies the samples before anything is taken in."""

    def __init__(self, job: Job) -> None:
        """Raises RequestError when a file is gone."""
        self.job = job
        self.given: Mapping[str, Any] = job.arguments
        uploads = {part: Upload.objects.select_related("owner").filter(pk=pk).first()
                   for part, pk in self.given["files"].items()}
        if not all(uploads.values()):
            raise RequestError(gettext_noop("The upload is gone"), remedy=gettext_noop("Upload the file again"))
        self.uploads: dict[str, Upload] = {part: one for part, one in uploads.items() if one}
        self.graph = self.uploads["graph"]
        self.folder = folder_of_attempt(settings.HOME / "imports" / str(self.graph.pk), job.attempt)

    def command(self) -> list[str]:
        """`python -m modeling adopt`, on the files under names that say what they are."""
        self.folder.mkdir(parents=True, exist_ok=True)
        places = {part: self._named(part, upload) for part, upload in self.uploads.items()}
        return [sys.executable, "-m", "modeling", "adopt", str(places["graph"]), "--out",
                str(self.folder / "artifact"), f"--name={self.given['name']}", f"--pad={self.given['pad']}",
                *_many("labels", self.given["labels"]), *_many("text", self.given["texts"]),
                *(f"--{part}={places[part]}" for part in ("samples", "vocabulary") if part in places),
                *([f"--length={self.given['length']}"] if self.given["length"] else [])]

    def _named(self, part: str, upload: Upload) -> Path:
        place = self.folder / f"{part}{Path(upload.name).suffix.lower()}"
        if not place.exists():
            os.link(upload.path, place)
        return place

    def event(self, event: Event) -> None:
        """It says nothing."""

    def progress(self) -> dict[str, Any]:
        """It takes seconds."""
        return {}

    def finished(self, result: Any) -> Any:
        """The folder gets its place and its row; the files go."""
        pk, place = self.graph.pk, services.artifact_place(self.graph.pk)
        replace_folder(self.folder / "artifact", place)
        artifact = services.register_artifact(path=place, owner=self.graph.owner, origin="adoption", pk=pk,
                                              verify=False)
        jobs.lead_to(job=self.job.pk, url=reverse("admin:training_artifact_change", args=(artifact.pk,)))
        self._forget()
        return {"artifact": str(artifact.pk)}

    def ended(self, *, state: str, error: str) -> None:
        """What a refused model left goes; the job says why."""
        if state in ("failed", "cancelled"):
            self._forget()

    def _forget(self) -> None:
        uploads = list(self.uploads.values())
        Upload.objects.filter(pk__in=[one.pk for one in uploads]).delete()
        transaction.on_commit(lambda: _tidy(uploads, self.folder.parent))


def _many(name: str, values: Sequence[str]) -> list[str]:
    return [f"--{name}", *values] if values else []


def _tidy(uploads: Sequence[Upload], folder: Path) -> None:
    for upload in uploads:
        upload.path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
