"""What people fill in: a new dataset, how a version is to be read. Each complaint stands beside its field."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from modeling.errors import DataError
from modeling.tasks import TASKS
from webapp.accounts.models import User
from webapp.datasets import services
from webapp.datasets.models import TASK_CHOICES, Dataset, DatasetVersion, Upload
from webapp.datasets.sources import ServerFile
from webapp.wording import said

PASTED = 200_000  # characters; the page turns longer texts into uploads
SEEDS = 2**31
DEFAULTS = {"validation": 0.1, "test": 0.1, "seed": 0, "drop_duplicates": True}


class NewDatasetForm(forms.Form):
    """One way in, and if wanted a name and a job. `save` makes the dataset."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120, required=False)
    task = forms.ChoiceField(label=gettext_lazy("Job"), required=False)
    uploads = forms.ModelMultipleChoiceField(Upload.objects.none(), required=False)
    text = forms.CharField(label=gettext_lazy("Text"), strip=False, required=False, widget=forms.Textarea,
                           validators=[MaxLengthValidator(PASTED)])  # no maxlength: it would cut without a word
    files = forms.MultipleChoiceField(label=gettext_lazy("Files"), required=False)
    sample = forms.ChoiceField(choices=TASK_CHOICES, required=False)

    def __init__(self, *args: Any, owner: User, server_files: list[ServerFile], **kwargs: Any) -> None:
        """`server_files` are those that may be chosen."""
        super().__init__(*args, **kwargs)
        self.owner = owner
        self.fields["task"].choices = [("", _("Find out from the file")), *TASK_CHOICES]
        self.fields["uploads"].queryset = Upload.objects.filter(owner=owner)
        self.fields["files"].choices = [(file.name, file.name) for file in server_files]

    def clean(self) -> dict[str, Any]:
        """Exactly one way in."""
        data: dict[str, Any] = super().clean() or {}
        ways = [name for name in ("uploads", "text", "files", "sample") if data.get(name)]
        if len(ways) > 1:
            raise forms.ValidationError(_("Choose one way in: files, pasted text, the server's folder or a sample."))
        if not ways and not self.errors:
            raise forms.ValidationError(_("There is nothing to read yet. Add a file, paste text, or choose a sample."))
        return data

    def save(self) -> Dataset | None:
        """The new dataset; None, with the reason in `errors`, when its files cannot be had."""
        data = self.cleaned_data
        try:
            return services.create_dataset(
                owner=self.owner, name=data["name"], task=data["task"], uploads=list(data["uploads"]),
                text=data["text"], files=data["files"], sample=data["sample"])
        except DataError as fault:
            self.add_error(next((name for name in ("uploads", "files", "text") if data[name]), None), said(fault))
            return None


class VersionForm(forms.Form):
    """How the next version is to be read: a role for each column, languages, splits. Begins with what the last had."""

    validation = forms.FloatField(label=gettext_lazy("For validation, %"), min_value=0, max_value=40)
    test = forms.FloatField(label=gettext_lazy("For the test, %"), min_value=0, max_value=40)
    seed = forms.IntegerField(label=gettext_lazy("Seed of the split"), min_value=0, max_value=SEEDS)
    drop_duplicates = forms.BooleanField(label=gettext_lazy("Leave out rows that occur twice"), required=False)
    note = forms.CharField(label=gettext_lazy("Note"), max_length=200, required=False)

    def __init__(self, *args: Any, version: DatasetVersion, **kwargs: Any) -> None:
        """One field a column of the file, called column0, column1, ..."""
        self.version = version
        self.task = TASKS.get(version.report.get("task") or version.dataset.task)
        options = DEFAULTS | version.options
        initial = {"validation": round(100 * options["validation"], 2), "test": round(100 * options["test"], 2),
                   "seed": options["seed"], "drop_duplicates": options["drop_duplicates"]}
        super().__init__(*args, initial=initial, **kwargs)
        self.columns: list[dict[str, Any]] = version.report.get("columns") or []
        roles = {**self.task.roles, **self.task.optional} if self.task else {}
        for place, column in enumerate(self.columns):
            self.fields[f"column{place}"] = forms.ChoiceField(
                choices=[("", _("not used")), *((role, role_name(role)) for role in roles)], required=False,
                initial=column["role"] or "", label=column["name"])
        self.languages = [role for role in roles if role.endswith("_language")]
        for role in self.languages:
            given = version.columns.get(role, "")
            found = next((item["row"].get(role) for item in version.report.get("preview") or []), None)
            self.fields[role] = forms.RegexField(
                r"^[a-z]{2}$", required=False, label=role_name(role), initial=given if len(given) == 2 else "",
                widget=forms.TextInput(attrs={"size": 4, "placeholder": found or ""}),
                error_messages={"invalid": _("Two small letters, such as en or zh.")})

    def column_fields(self) -> list[tuple[dict[str, Any], forms.BoundField]]:
        """Each column with its field."""
        return [(column, self[f"column{place}"]) for place, column in enumerate(self.columns)]

    def language_fields(self) -> list[forms.BoundField]:
        """What the two sides of a translation are in."""
        return [self[role] for role in self.languages]

    def option_fields(self) -> list[forms.BoundField]:
        """Shares and seed of the split."""
        return [self["validation"], self["test"], self["seed"]]

    def clean(self) -> dict[str, Any]:
        """A role has one column, and no role that the version has gets lost."""
        data: dict[str, Any] = super().clean() or {}
        taken: dict[str, str] = {}
        for place, column in enumerate(self.columns):
            role = data.get(f"column{place}")
            if role and role in taken:
                self.add_error(f"column{place}", _("“%(column)s” is the %(role)s already. Each role has one column.")
                               % {"column": taken[role], "role": role_name(role)})
            elif role:
                taken[role] = column["name"]
        self.roles = taken | {role: data[role] for role in self.languages if data.get(role) and role not in taken}
        names = {column["name"] for column in self.columns}
        before = {role for role, name in self.version.report.get("roles", {}).items() if name in names}
        needed = before & set(self.task.roles if self.task else ()) - {"id", "title", *self.languages}
        if lost := sorted(needed - set(taken)):
            raise forms.ValidationError(_("No column is the %(roles)s any more. Choose one.")
                                        % {"roles": ", ".join(map(role_name, lost))})
        return data

    def save(self) -> DatasetVersion:
        """Queue the next version."""
        data = self.cleaned_data
        options = {"validation": data["validation"] / 100, "test": data["test"] / 100, "seed": data["seed"],
                   "drop_duplicates": data["drop_duplicates"]}
        return services.build_version(dataset=self.version.dataset, columns=self.roles, options=options,
                                      note=data["note"])


class TaskForm(forms.Form):
    """The job that the files are for."""

    task = forms.ChoiceField(label=gettext_lazy("Job"), choices=TASK_CHOICES)


class NameForm(forms.Form):
    """What the dataset is called."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)


def role_name(role: str) -> str:
    """What people call a role."""
    return {
        "text": _("text"), "label": _("label"), "source": _("source text"), "target": _("translation"),
        "source_language": _("language of the source"), "target_language": _("language of the translation"),
        "summary": _("summary"), "context": _("passage"), "question": _("question"), "answers": _("answers"),
        "id": _("name of the question"), "title": _("title of the document"),
    }.get(role, role)
