"""What an owner writes about an assistant: texts, examples to click, sampling defaults; faults stand beside them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from webapp.assistants.glossaries import MOST_TERMS, written_pairs
from webapp.assistants.models import Visibility
from webapp.assistants.sampling import KNOBS, STOP_CHARACTERS, STOP_TEXTS, STOPPING, Knob
from webapp.assistants.services import Profile

MOST_EXAMPLES = 6
GLOSSARY_CHARACTERS = 50_000
EXAMPLE_CHARACTERS, WELCOME_CHARACTERS = 5000, 2000


class ExampleForm(forms.Form):
    """A text to click. A row without one is left out."""

    text = forms.CharField(label=gettext_lazy("Text"), max_length=EXAMPLE_CHARACTERS, required=False,
                           widget=forms.Textarea(attrs={"rows": 1}))
    text_zh = forms.CharField(label=gettext_lazy("Text for readers of Chinese"), max_length=EXAMPLE_CHARACTERS,
                              required=False, widget=forms.Textarea(attrs={"rows": 1}))
    direction = forms.ChoiceField(label=gettext_lazy("Direction"), required=False)

    def __init__(self, *args: Any, directions: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if directions:
            self.fields["direction"].choices = [(one, one.replace("-", " → ")) for one in directions]
        else:
            del self.fields["direction"]

    def clean(self) -> dict[str, Any]:
        """Readers of other languages need a text too."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("text_zh") and not given.get("text"):
            self.add_error("text", _("Write the text for all other readers too."))
        return given

    def example(self) -> dict[str, Any] | None:
        """As `Assistant.examples` holds it."""
        given = self.cleaned_data
        if not given.get("text"):
            return None
        chinese = {"text_zh": given["text_zh"]} if given.get("text_zh") else {}
        options = {"options": {"direction": given["direction"]}} if given.get("direction") else {}
        return {"text": given["text"], **chinese, **options}


ExampleFormSet = forms.formset_factory(ExampleForm, extra=0, max_num=MOST_EXAMPLES, absolute_max=MOST_EXAMPLES + 1,
                                       validate_max=True)


class AssistantForm(forms.Form):
    """Everything but the examples. `task` decides which sampling defaults there are; an empty one is the model's."""

    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=80)
    name_zh = forms.CharField(label=gettext_lazy("Name in Chinese"), max_length=80, required=False)
    welcome_en = forms.CharField(label=gettext_lazy("Welcome in English"), max_length=WELCOME_CHARACTERS,
                                 required=False, widget=forms.Textarea(attrs={"rows": 3}))
    welcome_zh = forms.CharField(label=gettext_lazy("Welcome in Chinese"), max_length=WELCOME_CHARACTERS,
                                 required=False, widget=forms.Textarea(attrs={"rows": 3}))
    visibility = forms.ChoiceField(label=gettext_lazy("Who can pick it"), choices=Visibility.choices)
    position = forms.IntegerField(label=gettext_lazy("Place in the list"), min_value=0, max_value=32767)
    published = forms.BooleanField(label=gettext_lazy("Offered in the chat"), required=False)

    def __init__(self, *args: Any, task: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        defaults = self.initial.get("defaults", {})
        self.knobs = KNOBS.get(task, {})
        for name, knob in self.knobs.items():
            self.fields[name] = _field(knob)
            self.initial[name] = defaults.get(name)
        if task in STOPPING:
            self.fields["stop"] = forms.CharField(
                label=gettext_lazy("Stop at"), required=False, strip=False, widget=forms.Textarea(attrs={"rows": 2}),
                help_text=gettext_lazy("Texts that end the answer, one a line; \\n stands for a line break."))
            self.initial["stop"] = "\n".join(stop.replace("\n", "\\n") for stop in defaults.get("stop", ()))

        if task == "translation":
            self.fields["glossary"] = forms.CharField(
                label=gettext_lazy("Glossary"), required=False, max_length=GLOSSARY_CHARACTERS,
                widget=forms.Textarea(attrs={"rows": 4}), help_text=gettext_lazy(
                    "Terms that a translation keeps, one a line: term = translation, in the order of the first "
                    "direction. They hold the other way round too."))
            self.initial["glossary"] = "\n".join(" = ".join(pair) for pair in defaults.get("glossary", ()))

    @property
    def sampling(self) -> list[forms.BoundField]:
        """The fields of the sampling defaults."""
        return [self[name] for name in (*self.knobs, "stop", "glossary") if name in self.fields]

    def clean_name_en(self) -> str:
        """One line."""
        return " ".join(str(self.cleaned_data["name_en"]).split())

    def clean_stop(self) -> list[str]:
        """The texts."""
        lines = [line.strip("\r").replace("\\n", "\n") for line in self.cleaned_data["stop"].split("\n")]
        stops = [line for line in lines if line]
        if len(stops) > STOP_TEXTS or any(len(stop) > STOP_CHARACTERS for stop in stops):
            raise forms.ValidationError(_("At most %(texts)s texts of %(characters)s characters each.") % {
                "texts": STOP_TEXTS, "characters": STOP_CHARACTERS})
        return stops

    def clean_glossary(self) -> list[list[str]]:
        """The pairs."""
        pairs, faults = written_pairs(self.cleaned_data["glossary"], most=MOST_TERMS)
        if faults:
            raise forms.ValidationError(faults)
        return pairs

    def profile(self) -> Profile:
        """What was written. Defaults that have no field here stay as they were."""
        given = self.cleaned_data
        ours = {*self.knobs, "stop", "glossary"}
        defaults = {name: value for name, value in self.initial.get("defaults", {}).items() if name not in ours}
        defaults |= {name: given[name] for name in ours if given.get(name) not in (None, "", [])}
        return Profile(
            name_en=given["name_en"], name_zh=given["name_zh"], welcome_en=given["welcome_en"],
            welcome_zh=given["welcome_zh"], visibility=given["visibility"], position=given["position"],
            published=given["published"], defaults=defaults,
        )


def _field(knob: Knob) -> forms.Field:
    kind = forms.IntegerField if knob.step == 1 else forms.FloatField
    field = kind(label=knob.label, min_value=knob.least, max_value=knob.most, required=False, help_text=knob.hint)
    field.widget.attrs |= {"step": knob.step, "placeholder": knob.default}
    return field
