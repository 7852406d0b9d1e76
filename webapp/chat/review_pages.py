"""The page on which the owners of assistants look at feedback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from modeling.errors import ParleyError
from webapp.assistants.models import Assistant
from webapp.chat import opinions
from webapp.chat.feedback import CORRECTION_CHARACTERS, labels_of
from webapp.chat.models import Feedback, FeedbackState
from webapp.chat.presentation import answer_text, question_answering
from webapp.chat.review import ReviewError, accept, reject, trained_on
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.training.choices import found
from webapp.wording import said

PAGE = 20
LISTS: Mapping[str, tuple[Any, Q]] = {
    "waiting": (gettext_lazy("Waiting"), Q(state=FeedbackState.WAITING) & ~Q(correction="")),
    "bad": (gettext_lazy("Bad, without correction"), Q(state=FeedbackState.WAITING, correction="", good=False)),
    "good": (gettext_lazy("Good"), Q(state=FeedbackState.WAITING, correction="", good=True)),
    "accepted": (gettext_lazy("Accepted"), Q(state=FeedbackState.ACCEPTED)),
    "rejected": (gettext_lazy("Rejected"), Q(state=FeedbackState.REJECTED)),
}
OPEN = ("waiting", "bad")  # lists of what can be accepted or set aside


@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest) -> HttpResponseBase:
    """The list, or what was decided about some of it."""
    if request.method != "POST":
        return _page(request)
    chosen = _chosen(request)
    if not chosen:
        return _page(request, fault=_("Choose at least one."))
    if "reject" in request.POST:
        reject(feedback=chosen, by=request.user)
        return redirect(request.get_full_path())
    return _accept(request, chosen)


def _accept(request: HttpRequest, chosen: list[Feedback]) -> HttpResponseBase:
    wanted = request.POST.get("dataset", "")
    dataset = found(Dataset.objects.editable_by(request.user), wanted)
    if wanted and dataset is None:
        return _page(request, dataset_fault=_("This dataset is not here any more. Choose another one."))
    corrections = {one.pk: request.POST[f"correction-{one.pk}"] for one in chosen
                   if f"correction-{one.pk}" in request.POST}
    try:
        versions = accept(feedback=chosen, corrections=corrections, dataset=dataset, by=request.user)
    except ReviewError as error:
        return _page(request, fault=said(error), faults={key: said(one) for key, one in error.faults.items()})
    except ParleyError as error:
        return _page(request, dataset_fault=said(error))
    if versions:
        messages.success(request, _thanks(versions))
    return redirect(request.get_full_path())


def _thanks(versions: list[DatasetVersion]) -> Any:
    links = format_html_join(", ", '<a href="{}">{}</a>', (
        (reverse("admin:datasets_version_report", args=[version.pk]), version) for version in versions))
    text = ngettext("A new version of the dataset is being made:", "New versions of the datasets are being made:",
                    len(versions))
    return format_html("{} {}", text, links)


def _chosen(request: HttpRequest) -> list[Feedback]:
    """The one whose button was pressed, or all that are ticked."""
    decided = request.POST.get("accept") or request.POST.get("reject") or ""
    keys = [decided] if decided.isdecimal() else request.POST.getlist("chosen")
    wanted = [int(key) for key in keys if key.isdecimal() and len(key) < 19]
    return list(Feedback.objects.visible_to(request.user).filter(pk__in=wanted))


def _page(request: HttpRequest, *, faults: Mapping[int, str] | None = None, **context: Any) -> HttpResponse:
    visible = Feedback.objects.visible_to(request.user)
    assistants = Assistant.objects.filter(pk__in=visible.values("message__conversation__assistant"))
    wanted = request.GET.get("assistant", "")
    assistant = next((one for one in assistants if str(one.pk) == wanted), None)
    if assistant:
        visible = visible.filter(message__conversation__assistant=assistant)
    name = request.GET.get("list", "") if request.GET.get("list") in LISTS else "waiting"
    page = Paginator(visible.filter(LISTS[name][1]).with_questions(), PAGE).get_page(request.GET.get("page"))
    rows = [_row(request, one, faults or {}) for one in page]
    return render(request, "chat/review.html", {
        **admin.site.each_context(request), "opts": Feedback._meta, "title": _("Feedback"), "rows": rows, "page": page,
        "list": name, "lists": [(key, title, visible.filter(which).count()) for key, (title, which) in LISTS.items()],
        "assistants": assistants, "assistant": assistant, "open": name in OPEN, "limit": CORRECTION_CHARACTERS,
        "datasets": _datasets(request, {row["task"] for row in rows}), "dataset": request.POST.get("dataset", ""),
        "table": opinions.table(visible), "curve": opinions.curve(visible), "any": visible.exists(), **context,
    })


def _datasets(request: HttpRequest, tasks: set[str]) -> QuerySet[Dataset]:
    """Where corrections of these tasks can go."""
    usable = Dataset.objects.editable_by(request.user).filter(task__in=tasks)
    return usable.filter(pk__in=DatasetVersion.objects.ready().values("dataset"))


def _row(request: HttpRequest, feedback: Feedback, faults: Mapping[int, str]) -> dict[str, Any]:
    message, assistant = feedback.message, feedback.message.conversation.assistant
    passages = question_answering(message.result)["passages"] if assistant.task == "question-answering" else []
    return {
        "feedback": feedback, "assistant": assistant, "task": assistant.task, "version": message.version,
        "question": feedback.question or "", "answer": answer_text(message, assistant.task), "passages": passages,
        "labels": labels_of(message) if assistant.task == "classification" else [],
        "correction": request.POST.get(f"correction-{feedback.pk}", feedback.correction),
        "direction": message.options.get("direction", "").replace("-", " → "),
        "dataset": trained_on(feedback), "fault": faults.get(feedback.pk, ""),
        "ticked": str(feedback.pk) in request.POST.getlist("chosen"),
    }
