"""Import of models from Hugging Face folders below PARLEY_MODELS_FOLDER, or from the hub: the form and the job."""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from modeling.errors import RequestError
from modeling.tasks import TASKS
from webapp.accounts.models import User
from webapp.jobs import services as jobs
from webapp.jobs.handlers import Event, folder_of_attempt
from webapp.jobs.models import Job
from webapp.training import services
from webapp.training.choices import base_names
from webapp.training.handlers import replace_folder

TASKS_TO_IMPORT = ("generation", "translation", "summarisation")
ID = r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}"
DIRECTIONS = r"[a-z]{2,3}-[a-z]{2,3}(,[a-z]{2,3}-[a-z]{2,3})*"
MORE = ("context", "directions", "prefix", "storage")
STORAGES = [("fp32", _("32 bit: exact")), ("fp16", _("16 bit")), ("int8", _("8 bit: small and fast"))]


class ImportForm(forms.Form):
    """Where the model is, and what it shall do."""

    folder = forms.ChoiceField(label=_("Folder on the server"), required=False,
                               help_text=_("Folders with safetensors below PARLEY_MODELS_FOLDER are listed."))
    hub = forms.CharField(
        label=_("Or its name on the Hugging Face hub"), required=False, max_length=193,
        validators=[RegexValidator(rf"\A{ID}\Z", _("A name looks like owner/model."))],
        help_text=_("Fetched by this server; without a network, copy the folder onto it."))
    task = forms.ChoiceField(label=_("Job"))
    name = forms.CharField(label=_("Name"), max_length=120, required=False)
    context = forms.IntegerField(label=_("Context"), min_value=16, max_value=4096, required=False,
                                 help_text=_("Tokens that it sees at once; more take more memory."))
    directions = forms.CharField(
        label=_("Directions"), required=False, max_length=200,
        validators=[RegexValidator(rf"\A{DIRECTIONS}\Z", _("Directions look like en-fr,fr-en."))],
        help_text=_("Of a translator whose folder does not say them."))
    prefix = forms.CharField(label=_("Text before each source"), max_length=100, required=False, strip=False,
                             help_text=_("Of a T5 whose folder does not say it."))
    storage = forms.ChoiceField(label=_("Weights kept as"), choices=STORAGES, initial="fp32", required=False)

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        fields: dict[str, Any] = self.fields
        fields["folder"].choices = [("", "–"), *((name, name) for name in base_names())]
        fields["task"].choices = [(task, gettext(TASKS[task].title)) for task in TASKS_TO_IMPORT]

    @property
    def more_is_wrong(self) -> bool:
        """Whether a folded field has a message."""
        return bool(set(MORE) & set(self.errors))

    @property
    def main_fields(self) -> list[forms.BoundField]:
        """What is asked of every model."""
        return [self[name] for name in self.fields if name not in MORE]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        """What its folder says as a rule."""
        return [self[name] for name in MORE]

    def clean(self) -> dict[str, Any]:
        """One place, not two."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not {"folder", "hub"} & set(self.errors) and bool(cleaned.get("folder")) == bool(cleaned.get("hub")):
            self.add_error("hub", gettext("Choose a folder, or give a name on the hub: one of the two."))
        return cleaned


def import_model(*, asked: Mapping[str, Any], owner: User) -> Job:
    """Queue the import; the artifact's row appears when the model is proved equal."""
    given = {name: str(value) for name, value in asked.items() if value not in (None, "")}
    arguments = {**given, "artifact": str(uuid.uuid4())}
    title = given.get("name") or given.get("hub") or given.get("folder", "")
    return jobs.enqueue(kind="import", arguments=arguments, owner=owner, title=title[:200],
                        url=reverse("admin:training_artifact_changelist"))


class ModelHandler:
    """An import. The child reads the folder; the site does not."""

    def __init__(self, job: Job) -> None:
        """Raises RequestError when the folder is gone."""
        self.job, self.asked = job, job.arguments
        self.source = str(self.asked.get("hub", ""))
        if folder := self.asked.get("folder"):
            self.source = str(services.base_folder(folder))
        if not self.source:
            raise RequestError(gettext("The folder is gone"), remedy=gettext("Choose another one"))
        self._attempts = settings.HOME / "imports" / str(self.asked["artifact"])
        self.folder = folder_of_attempt(self._attempts, job.attempt)
        self._progress: dict[str, Any] = {}

    def command(self) -> list[str]:
        """`python -m modeling import`."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        options = [f"--{name}={self.asked[name]}" for name in ("name", "context", "directions", "prefix", "storage")
                   if self.asked.get(name)]
        return [sys.executable, "-m", "modeling", "import", self.source, "--task", str(self.asked["task"]),
                "--out", str(self.folder / "artifact"), *options]

    def event(self, event: Event) -> None:
        """It only says how far it is, which the job keeps by itself."""

    def progress(self) -> dict[str, Any]:
        """As the child says."""
        return self._progress

    def finished(self, result: Any) -> Any:
        """The folder gets its place and its row."""
        pk = uuid.UUID(str(self.asked["artifact"]))
        place = services.artifact_place(pk)
        replace_folder(self.folder / "artifact", place)
        artifact = services.register_artifact(path=place, owner=self.job.owner, origin="import", pk=pk, verify=False)
        jobs.lead_to(job=self.job.pk, url=reverse("admin:training_artifact_change", args=(artifact.pk,)))
        transaction.on_commit(self._tidy)
        return {"artifact": str(artifact.pk)}

    def ended(self, *, state: str, error: str) -> None:
        """The job says why; what it left goes."""
        if state in ("failed", "cancelled"):
            transaction.on_commit(self._tidy)

    def _tidy(self) -> None:
        shutil.rmtree(self._attempts, ignore_errors=True)
