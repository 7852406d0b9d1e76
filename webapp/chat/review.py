"""Corrections that visitors sent: looked at, and made rows of a dataset or refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from modeling.errors import ParleyError, RequestError
from webapp.accounts.models import User
from webapp.chat.feedback import checked
from webapp.chat.models import Feedback, FeedbackState
from webapp.chat.options import CHINESE
from webapp.datasets import services as datasets
from webapp.datasets.models import Dataset, DatasetVersion

Row = dict[str, Any]


class ReviewError(ParleyError):
    """Some corrections cannot be accepted; `faults` says why, by the feedback's key. None was."""

    def __init__(self, faults: Mapping[int, ParleyError]) -> None:
        super().__init__(_("Nothing was accepted yet"), remedy=_("Mend what is marked, or leave it out"))
        self.faults = faults


def trained_on(feedback: Feedback) -> Dataset | None:
    """The dataset of the training that gave the answer's model."""
    version = feedback.message.version or feedback.message.conversation.assistant.current
    run = getattr(version.artifact, "run", None) if version else None
    return run.version.dataset if run else None


@transaction.atomic
def accept(
    *, feedback: Sequence[Feedback], corrections: Mapping[int, str], dataset: Dataset | None, by: User,
) -> list[DatasetVersion]:
    """Add waiting corrections, as edited in `corrections`, to `dataset`, or each to what its model was trained on.

    One new version a dataset. Raises ReviewError, and then nothing is written.
    """
    waiting = _locked(feedback)
    gathered: dict[Dataset, list[tuple[Feedback, Row]]] = {}
    faults: dict[int, ParleyError] = {}
    for one in waiting:
        try:
            one.correction = checked(one.message, corrections.get(one.pk, one.correction), _task(one))
            target = _target(one, dataset, by)
            gathered.setdefault(target, []).append((one, row_of(one)))
        except ParleyError as error:
            faults[one.pk] = error
    if faults:
        raise ReviewError(faults)
    return [_add(target, rows, by) for target, rows in gathered.items()]


def _locked(feedback: Sequence[Feedback]) -> list[Feedback]:
    """Those that still wait, with all that rows are made of."""
    keys = [one.pk for one in feedback]
    free = set(Feedback.objects.select_for_update().filter(pk__in=keys, state=FeedbackState.WAITING).values_list(
        "pk", flat=True))
    return list(Feedback.objects.filter(pk__in=free).with_questions().order_by("created", "pk"))


def _task(feedback: Feedback) -> str:
    return str(feedback.message.conversation.assistant.task)


def _target(feedback: Feedback, dataset: Dataset | None, by: User) -> Dataset:
    target = dataset or trained_on(feedback)
    if target is None:
        raise RequestError(_("Its model was not trained here"), remedy=_("Choose a dataset"))
    if not Dataset.objects.editable_by(by).filter(pk=target.pk).exists():
        raise RequestError(_("The dataset that its model was trained on is not yours"), remedy=_("Choose another one"))
    if target.task != _task(feedback):
        raise RequestError(_("“%(name)s” is for another job") % {"name": target.name}, remedy=_("Choose another one"))
    if not target.versions.ready().exists():
        raise RequestError(_("“%(name)s” is still being read, or not usable") % {"name": target.name},
                           remedy=_("Choose another one"))
    return target


def _add(dataset: Dataset, rows: list[tuple[Feedback, Row]], by: User) -> DatasetVersion:
    note = ngettext("%(count)s correction from feedback", "%(count)s corrections from feedback", len(rows)) % {
        "count": len(rows)}
    latest = dataset.versions.ready().order_by("-number")[0]
    version = datasets.add_rows(version=latest, rows=[row for _one, row in rows], note=note, owner=by)
    for one, _row in rows:
        Feedback.objects.filter(pk=one.pk).update(
            state=FeedbackState.ACCEPTED, correction=one.correction, version=version, reviewed_by=by,
            reviewed=timezone.now())
    return version


@transaction.atomic
def reject(*, feedback: Sequence[Feedback], by: User) -> int:
    """Set waiting feedback aside. Returns how many."""
    keys = [one.pk for one in feedback]
    return Feedback.objects.filter(pk__in=keys, state=FeedbackState.WAITING).update(
        state=FeedbackState.REJECTED, reviewed_by=by, reviewed=timezone.now())


def row_of(feedback: Feedback) -> Row:
    """A row of the task's schema that teaches the correction. `feedback` comes from `with_questions`.

    Raises RequestError for a correction that no row can be made of.
    """
    if not feedback.correction:
        raise RequestError(_("It does not say what the answer should have been"), remedy=_("Write it, or leave it out"))
    if not feedback.question:
        raise RequestError(_("Its question is gone"), remedy=_("Leave it out"))
    return ROWS[_task(feedback)](feedback)


def _translation(feedback: Feedback) -> Row:
    source, _dash, target = feedback.message.options.get("direction", "").partition("-")
    if not target:
        raise RequestError(_("Its direction is not known"), remedy=_("Leave it out"))
    return {"source": feedback.question, "target": feedback.correction, "source_language": source,
            "target_language": target}


def _answer(feedback: Feedback) -> Row:
    """The passage that holds the correction, best passage first: a reader can only copy."""
    passages = list(feedback.message.result.get("passages", []))
    for answer in feedback.message.result.get("answers", [])[:1]:
        passages.insert(0, passages.pop(answer["passage"]))
    for passage in passages:
        start = passage["text"].find(feedback.correction)
        if start >= 0:
            return {"id": f"feedback-{feedback.pk}", "title": passage.get("title") or passage["document"],
                    "context": passage["text"], "question": feedback.question,
                    "answers": [{"text": feedback.correction, "start": start}]}
    raise RequestError(_("None of the passages that were found says this"),
                       remedy=_("Copy the right words from a passage, or leave it out"))


def _continuation(feedback: Feedback) -> Row:
    """Prompt and correction in one text, as it should have been written. Words are set apart, Chinese is not."""
    prompt, correction = feedback.question, feedback.correction
    if correction.startswith(prompt):
        return {"text": correction}
    ends = prompt[-1] + correction[0]
    apart = prompt[-1] in ".,;:!?" or ends.isalnum()
    return {"text": f"{prompt} {correction}" if apart and not CHINESE.search(ends) else prompt + correction}


ROWS: dict[str, Callable[[Feedback], Row]] = {
    "classification": lambda one: {"text": one.question, "label": one.correction},
    "summarisation": lambda one: {"text": one.question, "summary": one.correction},
    "translation": _translation, "question-answering": _answer, "generation": _continuation,
}
"""Task -> the row that an accepted correction becomes."""
