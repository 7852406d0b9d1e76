"""The steps of preprocessing on rows of the chosen data, for the train form."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from modeling.configs import PREPROCESSING, label_of, read_steps
from modeling.datasets import ShownText, shown_steps
from modeling.errors import ConfigError
from webapp.datasets.forms import role_name
from webapp.training.forms import TrainForm
from webapp.wording import said

ROWS = 3


def shown(form: TrainForm) -> dict[str, Any]:
    """Context of the fragment: what each step makes of some rows, or what is wrong with the settings."""
    form.is_valid()
    if wrong := [(field.label, message) for field in form.steps for message in field.errors]:
        return {"wrong": wrong}
    given = {name.removeprefix(PREPROCESSING): value for name, value in form.settings.items()
             if name.startswith(PREPROCESSING)}
    version = form.choice.version
    rows = [item["row"] for item in (version.report.get("preview") or [])][:ROWS] if version else []
    try:
        found = shown_steps(rows, read_steps(given))
    except ConfigError as error:
        return {"wrong": [(gettext(label_of(PREPROCESSING + error.field)), said(error))]}
    return {"shown": [[_named(text) for text in texts] for texts in found if any(text.steps for text in texts)],
            "any": bool(given)}


def _named(text: ShownText) -> dict[str, Any]:
    named = [(gettext(label_of(PREPROCESSING + step.name)), step) for step in text.steps]
    return {"role": role_name(text.role), "text": text.text,
            "changes": [(label, step.text) for label, step in named if step.changed],
            "idle": " · ".join(label for label, step in named if not step.changed)}
