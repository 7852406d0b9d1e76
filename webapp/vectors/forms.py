"""What people fill in: a training of vectors, a question to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from modeling.configs import Option
from modeling.embeddings import METHODS as CONFIGS
from modeling.embeddings import read_vector_settings, vector_options
from modeling.errors import ConfigError
from webapp.accounts.models import User
from webapp.datasets.models import DatasetVersion
from webapp.vectors import services
from webapp.vectors.models import METHODS, WordVectors
from webapp.wording import said, spoken

PREFIX = "set_"  # of the fields that are settings
GOOD_FOR = {"skipgram": _("From a word, predict the words near it. The best for most texts."),
            "cbow": _("From the words near it, predict a word. The fastest; rare words come out weaker."),
            "glove": _("Fit products of vectors to how often words stand together. Likes large texts.")}
NOT_ASKED = frozenset({"threads"})  # the machine is shared
FIELDS: dict[str, Any] = {"int": forms.IntegerField, "float": forms.FloatField, "bool": forms.BooleanField}


class VectorsForm(forms.Form):
    """Data and method, then the method's settings."""

    version = forms.ModelChoiceField(DatasetVersion.objects.none(), label=_("Data"), empty_label=None)
    method = forms.ChoiceField(label=_("Method"), widget=forms.RadioSelect,
                               choices=[one for one in METHODS if one[0]])
    name = forms.CharField(label=_("Name"), max_length=120, required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, *, user: User, start: Mapping[str, Any]) -> None:
        """`start` is what the address says: data, method and what was filled in before the method changed."""
        self.user = user
        asked = str((data if data is not None else start).get("method", ""))
        self.chosen = asked if asked in CONFIGS else "skipgram"
        initial = {name: start[name] for name in start if start.get(name)} | {"method": self.chosen}
        super().__init__(data, initial=initial)
        fields: dict[str, Any] = self.fields
        fields["version"].queryset = DatasetVersion.objects.visible_to(user).ready().select_related(
            "dataset").order_by("-created")
        self.known = [option for option in vector_options(self.chosen) if option.name not in NOT_ASKED]
        fields |= {PREFIX + option.name: _field(option) for option in self.known}

    def clean(self) -> dict[str, Any]:
        """Settings that cannot be get their message beside the field."""
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                read_vector_settings({"method": self.chosen, **self.settings})
            except ConfigError as error:
                self.add_error(PREFIX + error.field, gettext("Allowed: %(what)s") % {"what": spoken(error.allowed)}
                               if error.allowed else said(error))
        return cleaned

    @property
    def settings(self) -> dict[str, str]:
        """The settings that differ from the defaults, as texts."""
        found = {option: self.cleaned_data.get(PREFIX + option.name) for option in self.known}
        return {option.name: str(value) for option, value in found.items()
                if value is not None and value != option.default}

    def save(self) -> WordVectors:
        """Queue the training. Raises ConfigError."""
        return services.train_vectors(owner=self.user, version=self.cleaned_data["version"], method=self.chosen,
                                      settings=self.settings, name=self.cleaned_data["name"])

    @property
    def methods(self) -> list[tuple[str, Any, Any]]:
        """Each method, its name and what it is good for."""
        return [(name, label, GOOD_FOR[name]) for name, label in METHODS if name]

    @property
    def main_options(self) -> Iterator[forms.BoundField]:
        """The fields that a person may want."""
        return (self[PREFIX + option.name] for option in self.known if option.main)

    @property
    def more_options(self) -> Iterator[forms.BoundField]:
        """All others."""
        return (self[PREFIX + option.name] for option in self.known if not option.main)

    @property
    def more_is_wrong(self) -> bool:
        """Whether a folded field has a message."""
        return any(field.errors for field in self.more_options)


def _field(option: Option) -> forms.Field:
    more: dict[str, Any] = {} if option.kind == "bool" else {
        "widget": forms.NumberInput(attrs={"step": "1" if option.kind == "int" else "any", "inputmode": "decimal"})}
    field: forms.Field = FIELDS[option.kind](label=gettext(option.label), help_text=gettext(option.help),
                                             initial=option.default, required=False, **more)
    return field
