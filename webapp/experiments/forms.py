"""The form of a search: data, model, trials, and a range for each setting that shall vary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from modeling.configs import TRAINABLE, Option, model_of
from modeling.errors import ConfigError
from modeling.tasks import TASKS
from webapp.accounts.models import User
from webapp.experiments import services
from webapp.experiments.models import Search
from webapp.training.choices import Choice, choose, versions_for
from webapp.wording import said

PREFIX = "vary_"  # of the fields that are ranges
FACTOR = 5.0  # of the learning rate, down and up, as the range that is offered
PARTS = ("dropout", "label_smoothing")  # settings from 0 to 1
VARIED = ("learning_rate", "dropout", "batch_tokens", "weight_decay", "label_smoothing", "optimizer", "epochs")
"""Settings of a training that a search may vary, beside the main ones of the model."""


class SearchForm(forms.Form):
    """What varies is asked as a range; an empty one stays at its default."""

    name = forms.CharField(label=_("Name"), max_length=120, required=False)
    version = forms.ChoiceField(label=_("Data"))
    model = forms.ChoiceField(label=_("Model"), widget=forms.RadioSelect)
    trials = forms.IntegerField(label=_("Trials"), min_value=1, max_value=services.MOST_TRIALS, initial=20,
                                help_text=_("Short trainings that are tried; what lags behind is given up early."))
    seed = forms.IntegerField(label=_("Seed"), min_value=0, max_value=2**31 - 1, initial=0, required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, *, user: User, start: Mapping[str, Any]) -> None:
        given = dict((data if data is not None else start).items()) | {"parent": ""}  # new weights, where it can be
        self.user, self.choice = user, choose(user, given)
        super().__init__(data, initial={"version": str(self.choice.version.pk) if self.choice.version else "",
                                        "model": self.choice.model})
        fields: dict[str, Any] = self.fields
        fields["version"].choices = [(str(one.pk), f"{one} · {gettext(TASKS[one.dataset.task].title)}")
                                     for one in versions_for(user)]
        fields["model"].choices = [(name, name) for name, _title, _about in self.models]
        self.varied = list(_varied(self.choice))
        fields |= {PREFIX + option.name: _range_field(option) for option in self.varied}

    @property
    def models(self) -> list[tuple[str, str, str]]:
        """Models, what the field calls them and what each is good for."""
        known = TASKS[self.choice.task].models
        return [(name, gettext(known[name].title), gettext(known[name].about)) for name in TRAINABLE[self.choice.task]
                if not model_of(self.choice.task, name).on_vectors]

    @property
    def ranges(self) -> Iterator[forms.BoundField]:
        """The fields of what may vary."""
        return (self[PREFIX + option.name] for option in self.varied)

    @property
    def space(self) -> dict[str, str]:
        """Setting -> range, of those that were given."""
        given = {option.name: self.cleaned_data.get(PREFIX + option.name, "").strip() for option in self.varied}
        return {name: text for name, text in given.items() if text}

    def save(self) -> Search | None:
        """Queue the search; None, with the message in its place, for what cannot be."""
        assert self.choice.version is not None
        try:
            return services.start_search(
                owner=self.user, version=self.choice.version, model=self.choice.model, space=self.space,
                trials=self.cleaned_data["trials"], seed=self.cleaned_data["seed"] or 0,
                name=self.cleaned_data["name"],
                parent=self.choice.artifact, base=self.choice.base,
            )
        except ConfigError as error:
            field = error.field if error.field in self.fields else PREFIX + error.field
            self.add_error(field if field in self.fields else None, said(error))
            return None


def _varied(choice: Choice) -> Iterator[Option]:
    return (option for option in choice.options()
            if (option.main or option.name in VARIED) and option.kind != "text")


def _range_field(option: Option) -> forms.CharField:
    first = option.default
    many = f"{max(1, int(first) // 2)}..{2 * int(first)}" if option.kind == "int" and first else "2..8"
    examples = {"int": many, "float": "0..0.5" if option.name in PARTS else "0.001..0.1:log"}
    named = option.kind in ("choice", "bool")
    shown = "|".join(option.choices or ("true", "false")) if named else examples[option.kind]
    offered = f"{first / FACTOR:g}..{first * FACTOR:g}:log" if option.name == "learning_rate" and first else ""
    return forms.CharField(label=gettext(option.label), help_text=gettext(option.help).replace("`", ""),
                           required=False, max_length=200, initial=offered,
                           widget=forms.TextInput(attrs={"placeholder": shown, "spellcheck": "false"}))
