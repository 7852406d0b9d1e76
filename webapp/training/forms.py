"""The form of a training, and of an artifact's card."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from modeling.configs import TRAINABLE, Estimate, Option, model_of
from modeling.errors import ConfigError
from modeling.tasks import TASKS
from webapp.accounts.models import User
from webapp.training import services
from webapp.training.choices import (
    TASKS_TO_TRAIN,
    Choice,
    choose,
    lacks_summaries,
    size_of,
    starts_for,
    vectors_for,
    versions_for,
)
from webapp.training.models import TrainingRun
from webapp.wording import said, spoken

STEPS = "preprocessing"
LONGEST_LIST = 20_000  # characters of a list of words
PREFIX = "set_"  # of the fields that are options
VECTORS = f"{PREFIX}vectors"
WITHOUT_SUMMARIES = _("These data have no summaries, and this model learns from them. Choose other data, or LexRank, "
                      "which needs none.")
CHOSEN = ("model", "parent")  # what follows from job and data until a person chooses it
STORAGES = [("int8", _("8 bit: small and fast")), ("fp16", _("16 bit")), ("fp32", _("32 bit: exact"))]


class TrainForm(forms.Form):
    """Job, data, model, start; then the options of that model, folded away."""

    name = forms.CharField(label=_("Name"), max_length=120, required=False)
    task = forms.ChoiceField(label=_("Job"), widget=forms.RadioSelect)
    version = forms.ChoiceField(label=_("Data"))
    model = forms.ChoiceField(label=_("Model"), widget=forms.RadioSelect)
    parent = forms.ChoiceField(label=_("Continue from"), required=False)
    seed = forms.IntegerField(label=_("Seed"), min_value=0, max_value=2**31 - 1, initial=0, required=False,
                              help_text=_("The same seed gives the same result on the same machine."))
    storage = forms.ChoiceField(label=_("Weights kept as"), choices=STORAGES, initial="int8", required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, *, user: User, start: Mapping[str, Any]) -> None:
        """`start` is what the address or the form as it stands says; `data` is what was sent to be checked."""
        self.user, self.choice = user, choose(user, data if data is not None else _by_hand(start))
        super().__init__(data, initial=_initial(self.choice, start))
        fields: dict[str, Any] = self.fields
        fields["task"].choices = [(name, gettext(TASKS[name].title)) for name in TASKS_TO_TRAIN]
        fields["version"].choices = [(str(one.pk), _version_label(one)) for one in versions_for(user, self.choice.task)]
        fields["model"].choices = [(name, name) for name in TRAINABLE[self.choice.task]]
        fields["parent"].choices = [(value, label or gettext("new weights"))
                                    for value, label in starts_for(user, self.choice.task, self.choice.model)]
        self.known, self.steps_asked = self.choice.options(), bool(start.get("steps"))
        fields |= {PREFIX + option.name: option_field(option) for option in self.known}
        if VECTORS in fields:  # names here, folders in the library
            fields[VECTORS] = self._vectors_field(fields[VECTORS])
        self._keep_what_was_set(start if data is None else {})

    def clean(self) -> dict[str, Any]:
        """Settings as a whole: values that only together cannot be get their message beside the field."""
        cleaned: dict[str, Any] = super().clean()
        if self.choice.version is None:
            self.add_error("version", gettext("There are no checked data for this job yet. Upload some first."))
        if self.lacks_start:
            self.add_error("parent", self.lacks_start)
        if lacks_summaries(self.choice.version, self.choice.model):
            self.add_error("version", WITHOUT_SUMMARIES)
        if self._on_vectors and not cleaned.get(VECTORS) and VECTORS not in self.errors:
            cleaned[VECTORS] = next((value for value, _name in vectors_for(self.user) if value), "")
        if self._on_vectors and cleaned.get(VECTORS) == "":
            self.add_error(VECTORS, gettext("It is made on word vectors, and there are none here. Train or import some "
                                            "first."))
        if not self.errors:
            try:
                self.choice.estimate(self.settings)
            except ConfigError as error:
                self.add_error(self._field_of(error), _allowed(error))
        return cleaned

    @property
    def lacks_start(self) -> str:
        """What is said of a model that has to start from trained weights where there are none; "" of all others."""
        missing = model_of(self.choice.task, self.choice.model).parent == "must" and not self.choice.parent
        return services.without_start(self.choice.task, self.choice.model) if missing else ""

    @property
    def _on_vectors(self) -> bool:
        return model_of(self.choice.task, self.choice.model).on_vectors

    def _vectors_field(self, plain: forms.Field) -> forms.ChoiceField:
        """Vectors by their names; a model that is made on them takes the newest where nothing else is chosen."""
        known = [(value, name or gettext("none: random ones")) for value, name in vectors_for(self.user)]
        if not self._on_vectors:
            return forms.ChoiceField(label=plain.label, help_text=plain.help_text, required=False, choices=known)
        return forms.ChoiceField(
            label=plain.label, choices=known[1:] or [("", gettext("there are none yet"))], required=False,
            help_text=gettext("They say how alike two sentences are: take some in the language of your texts."))

    @property
    def note(self) -> str:
        """What to know of the chosen data before anything is sent."""
        return WITHOUT_SUMMARIES if lacks_summaries(self.choice.version, self.choice.model) else ""

    def _field_of(self, error: ConfigError) -> str | None:
        """Where several do not fit together, the one that a person has set."""
        changed = [one for one in self.settings if one in re.findall(r"\w+", error.found)]
        name = PREFIX + (changed[0] if changed and error.field not in changed else str(error.field))
        return name if name in self.fields else None

    @property
    def settings(self) -> dict[str, str]:
        """The settings that differ from the defaults, as texts."""
        changed = {}
        for option in self.known:
            value = self.cleaned_data.get(PREFIX + option.name)
            if value not in (None, "") and services.written(value) != services.written(option.default):
                changed[option.name] = services.written(value)
        return changed

    def save(self) -> TrainingRun:
        """Queue the training. Raises ConfigError."""
        assert self.choice.version is not None
        return services.start_training(
            owner=self.user, version=self.choice.version, task=self.choice.task, model=self.choice.model,
            settings=self.settings, seed=self.cleaned_data["seed"] or 0,
            storage=self.cleaned_data["storage"] or "int8", parent=self.choice.artifact, base=self.choice.base,
            name=self.cleaned_data["name"], seconds=self.choice.estimate(self.settings).seconds,
        )

    def estimate(self) -> Estimate | None:
        """What the training will cost as the form stands; None while something in it cannot be."""
        try:
            return self.choice.estimate(self.settings) if self.choice.version and self.is_valid() else None
        except ConfigError:
            return None

    @property
    def models(self) -> list[tuple[str, str, str]]:
        """Models, what the field calls them and what each is good for, in the reader's language."""
        known = TASKS[self.choice.task].models
        return [(name, gettext(known[name].title), gettext(known[name].about)) for name in TRAINABLE[self.choice.task]]

    @property
    def main_options(self) -> Iterator[forms.BoundField]:
        """The fields that a person may want."""
        return (self[PREFIX + option.name] for option in self.known if option.main)

    @property
    def more_options(self) -> Iterator[forms.BoundField]:
        """All other options."""
        return (self[PREFIX + option.name] for option in self.known if not option.main and option.group != STEPS)

    @property
    def steps(self) -> list[forms.BoundField]:
        """What can be done to the texts before."""
        return [self[PREFIX + option.name] for option in self.known if option.group == STEPS]

    @property
    def shows_steps(self) -> bool:
        """Whether any of these has a message, or a value that a person set, or the address asked for them."""
        return self.steps_asked or any(field.errors or self.initial.get(field.name) for field in self.steps)

    @property
    def more_is_wrong(self) -> bool:
        """Whether a folded field has a message."""
        return any(field.errors for field in (*self.more_options, self["seed"], self["storage"]))

    @property
    def shows_options(self) -> bool:
        """Whether any option has a message, or a value that a person set."""
        touched = not self.is_bound and any(name.startswith(PREFIX) for name in self.initial)
        wrong = self.more_is_wrong or any(field.errors for field in (*self.main_options, *self.steps))
        return touched or self.steps_asked or wrong

    @property
    def basis(self) -> str:
        """The defaults that this form was made with: what differs from them later was set by a person."""
        usual = dict(zip(CHOSEN, self.choice.usual, strict=True))
        return json.dumps(usual | {PREFIX + option.name: services.written(option.default) for option in self.known})

    def _keep_what_was_set(self, start: Mapping[str, Any]) -> None:
        """Values in `start` that differ from the defaults of their time stay when the choice above them changes."""
        basis = _basis(start)
        for option in self.known:
            asked = start.get(PREFIX + option.name)
            if option.kind == "bool":  # an empty box sends nothing
                asked = "true" if asked in ("on", "true") else "false" if PREFIX + option.name in basis else None
            if asked not in (None, "", basis.get(PREFIX + option.name)):
                self.initial[PREFIX + option.name] = asked == "true" if option.kind == "bool" else asked


class CardForm(forms.Form):
    """Name and card of an artifact."""

    name = forms.CharField(label=_("Name"), max_length=120)
    text = forms.CharField(label=_("Model card"), max_length=services.CARD_CHARACTERS, required=False,
                           widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false"}),
                           help_text=_("Markdown: what it is for, what it was trained on, where it fails."))


def option_field(option: Option) -> forms.Field:
    """The field of a setting, empty where it has no default; wrong values are told beside it."""
    shared: dict[str, Any] = {"label": gettext(option.label), "help_text": gettext(option.help).replace("`", ""),
                              "required": False}
    if option.kind == "bool":
        return forms.BooleanField(initial=option.default, **shared)
    shared["initial"] = "" if option.default is None else services.written(option.default)
    if option.kind == "choice":
        return forms.ChoiceField(choices=[(name, name) for name in option.choices], **shared)
    if option.kind == "text" and option.group == STEPS:
        return forms.CharField(max_length=LONGEST_LIST, widget=forms.Textarea(attrs={"rows": 1}), **shared)
    if option.kind == "text":
        return forms.CharField(max_length=500, **shared)
    kind: Any = forms.IntegerField if option.kind == "int" else forms.FloatField
    step = "1" if option.kind == "int" else "any"
    return kind(widget=forms.NumberInput(attrs={"step": step, "inputmode": "decimal"}), **shared)


def _allowed(error: ConfigError) -> str:
    """What would be right; the wrong value stands beside it."""
    return gettext("Allowed: %(what)s") % {"what": spoken(error.allowed)} if error.allowed else said(error)


def start_of(run: TrainingRun) -> dict[str, Any]:
    """A form filled in as this run was."""
    parent = f"artifact:{run.parent_id}" if run.parent_id else f"folder:{run.base}" if run.base else ""
    return {"task": run.task, "version": str(run.version_id), "model": run.model, "parent": parent, "seed": run.seed,
            "storage": run.storage,
            **{PREFIX + name: value for name, value in run.settings.items()}}


def _basis(start: Mapping[str, Any]) -> dict[str, str]:
    try:
        found = json.loads(start.get("basis", "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _by_hand(start: Mapping[str, Any]) -> dict[str, Any]:
    """The choices in `start` without the model and the parent that nobody chose: they follow job and data."""
    basis = _basis(start)
    return {name: value for name, value in start.items() if name not in CHOSEN or value != basis.get(name)}


def _initial(choice: Choice, start: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: start[name] for name in ("name", "seed", "storage") if start.get(name) not in (None, "")}
    return {"task": choice.task, "version": str(choice.version.pk) if choice.version else "", "model": choice.model,
            "parent": choice.parent, **kept}


def _version_label(version: Any) -> str:
    rows, _characters = size_of(version)
    return ngettext("%(data)s, %(n)s row", "%(data)s, %(n)s rows", rows) % {"data": version, "n": f"{rows:,}"}
