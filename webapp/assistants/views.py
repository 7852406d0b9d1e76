"""Pages of assistants in the admin. What a person may not see is not there: 404."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from modeling.errors import ParleyError, RequestError
from modeling.tasks import TASKS
from webapp.assistants import services
from webapp.assistants.examples import proposal
from webapp.assistants.forms import MOST_EXAMPLES, AssistantForm, ExampleFormSet
from webapp.assistants.glossaries import BYTES, glossary_pieces, read_glossary
from webapp.assistants.models import Assistant, AssistantVersion
from webapp.assistants.services import Profile
from webapp.datasets.exports import attachment
from webapp.training import reports
from webapp.training.choices import found
from webapp.training.models import Artifact
from webapp.wording import said

EDIT = "admin:assistants_assistant_change"
ROWS = 3  # examples that a page has room for, at least
FIGURES = 3  # of an artifact, in a list
FIELDS = ("name_en", "name_zh", "welcome_en", "welcome_zh", "examples", "defaults", "visibility", "position",
          "published")


def _page(request: HttpRequest, template: str, *, title: str, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "opts": Assistant._meta, "title": title,
                                      **context})


def _assistant(request: HttpRequest, assistant_id: Any) -> Assistant:
    editable = Assistant.objects.editable_by(request.user).select_related("owner")
    assistant: Assistant | None = editable.filter(pk=assistant_id).first() if str(assistant_id).isdecimal() else None
    if assistant is None:
        raise Http404
    return assistant


def _artifacts(request: HttpRequest) -> QuerySet[Artifact]:
    return Artifact.objects.visible_to(request.user).select_related("owner")


@require_http_methods(["GET", "HEAD", "POST"])
def publish(request: HttpRequest) -> HttpResponseBase:
    """The form for a new assistant, filled in from its artifact; without one, the artifacts to choose from."""
    artifact: Artifact | None = found(_artifacts(request), request.GET.get("artifact", ""))
    if artifact is None:
        rows = [(one, _figures(one)) for one in _artifacts(request)]
        return _page(request, "assistants/pick.html", title=_("Publish an assistant"), rows=rows)
    first, directions = proposal(artifact), _directions(artifact)
    form, examples = _forms(_sent(request), artifact.task, directions, first)
    if form.is_bound and form.is_valid() and examples.is_valid():
        try:
            made = services.publish(owner=request.user, artifact=artifact, **_written(form, examples))
        except ParleyError as error:
            form.add_error(None, said(error))
        else:
            messages.success(request, _("“%(name)s” is there.") % {"name": made.name})
            return redirect(EDIT, made.pk)
    return _page(request, "assistants/edit.html", title=_("Publish an assistant"), form=form, examples=examples,
                 artifact=artifact, figures=_figures(artifact))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, assistant_id: Any) -> HttpResponseBase:
    """The page of one assistant: its texts, documents and versions."""
    assistant = _assistant(request, assistant_id)
    form, examples = _forms(_sent(request), assistant.task, assistant.directions, profile_of(assistant))
    if form.is_bound and form.is_valid() and examples.is_valid():
        services.change(assistant=assistant, **_written(form, examples))
        messages.success(request, _("Saved."))
        return redirect(EDIT, assistant.pk)
    return _edit_page(request, assistant, form, examples)


def profile_of(assistant: Assistant) -> Profile:
    """What its owner said about it so far."""
    return Profile(**{name: getattr(assistant, name) for name in FIELDS})  # type: ignore[typeddict-item]


def _forms(data: Any, task: str, directions: list[str], first: Profile) -> tuple[AssistantForm, Any]:
    """The two halves of the form: as sent in `data`, or with their first values where that is None."""
    form = AssistantForm(data, task=task, initial=dict(first))
    rows = [{"text": one["text"], "text_zh": one.get("text_zh", ""),
             "direction": one.get("options", {}).get("direction", "")} for one in first.get("examples", ())]
    rows += [{}] * min(max(ROWS - len(rows), 1), MOST_EXAMPLES - len(rows))
    return form, ExampleFormSet(data, prefix="examples", initial=rows, form_kwargs={"directions": directions})


def _sent(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None


def _written(form: AssistantForm, examples: Any) -> Profile:
    return Profile(**form.profile(), examples=[one for one in (row.example() for row in examples) if one])


def _edit_page(request: HttpRequest, assistant: Assistant, form: AssistantForm, examples: Any, **context: Any,
               ) -> HttpResponse:
    versions = list(assistant.versions.select_related("artifact", "promoted_by"))
    others = _artifacts(request).filter(task=assistant.task).exclude(pk__in=[one.artifact_id for one in versions])
    return _page(
        request, "assistants/edit.html", title=assistant.name, form=form, examples=examples, assistant=assistant,
        original=assistant, versions=[(version, _figures(version.artifact)) for version in versions], others=others,
        documents=_documents(assistant), labels=_labelling(request, assistant),
        seen=Assistant.objects.visible_to(request.user).filter(pk=assistant.pk).exists(), **context)


def _labelling(request: HttpRequest, assistant: Assistant) -> Artifact | None:
    """The artifact that labels files as this assistant answers, where this person may see it."""
    current = assistant.current if assistant.task == "classification" else None
    return _artifacts(request).filter(pk=current.artifact_id).first() if current else None


def _documents(assistant: Assistant) -> list[dict[str, Any]]:
    """What it answers from: documents that were added, and those that came with Parley."""
    added = {str(document.index): document for document in assistant.files.all()}
    return [{"index": path, "document": added.get(path)} for path in assistant.documents]


def _figures(artifact: Artifact) -> list[tuple[str, str]]:
    """The few figures that tell versions apart, the deciding one first."""
    report = artifact.report if artifact.report.get("metrics") else {"metrics": artifact.metrics}
    found = {name: report["metrics"].get(name) for name in TASKS[artifact.task].metrics}
    plain = {name: value for name, value in found.items() if isinstance(value, int | float)}
    return list(reports.figures({**report, "metrics": plain}))[:FIGURES]


def _directions(artifact: Artifact) -> list[str]:
    return list(artifact.folder_config.get("directions", [])) if artifact.task == "translation" else []


@require_POST
def promote(request: HttpRequest, assistant_id: Any) -> HttpResponseBase:
    """Answer with another artifact from now on: one that this person sees, or one of the assistant's versions."""
    assistant = _assistant(request, assistant_id)
    wanted = request.POST.get("artifact", "")
    artifact = found(_artifacts(request), wanted) or found(
        Artifact.objects.filter(pk__in=assistant.versions.values("artifact")), wanted)
    try:
        if artifact is None:
            raise RequestError(_("Choose an artifact."))
        return _turned(request, assistant, services.promote(assistant=assistant, artifact=artifact, by=request.user))
    except ParleyError as error:
        form, examples = _forms(None, assistant.task, assistant.directions, profile_of(assistant))
        return _edit_page(request, assistant, form, examples, promote_fault=said(error))


@require_POST
def roll_back(request: HttpRequest, assistant_id: Any) -> HttpResponseBase:
    """Answer again with the version before."""
    assistant = _assistant(request, assistant_id)
    try:
        return _turned(request, assistant, services.roll_back(assistant=assistant, by=request.user))
    except ParleyError as error:
        messages.error(request, said(error))
    return redirect(EDIT, assistant.pk)


def _turned(request: HttpRequest, assistant: Assistant, version: AssistantVersion) -> HttpResponseBase:
    messages.success(request, _("Version %(number)s answers from the next question on.") % {"number": version.number})
    return redirect(EDIT, assistant.pk)


@require_POST
def add_documents(request: HttpRequest, assistant_id: Any) -> HttpResponseBase:
    """Take files in, one after the other; what cannot be read is said beside the field."""
    assistant = _assistant(request, assistant_id)
    files = request.FILES.getlist("file")
    faults = [] if files else [_("Choose a file.")]
    for file in files:
        try:
            services.add_document(assistant=assistant, file=file)
        except ParleyError as error:
            faults.append(said(error))
    if not faults:
        return redirect(f"{reverse(EDIT, args=[assistant.pk])}#documents")
    form, examples = _forms(None, assistant.task, assistant.directions, profile_of(assistant))
    return _edit_page(request, assistant, form, examples, document_faults=faults)


@require_http_methods(["GET", "HEAD", "POST"])
def glossary(request: HttpRequest, assistant_id: Any) -> HttpResponseBase:
    """The terms of a translation assistant as CSV; sent back, the file's terms take their place."""
    assistant = _assistant(request, assistant_id)
    if assistant.task != "translation":
        raise Http404
    if request.method != "POST":
        return attachment(glossary_pieces(assistant.defaults.get("glossary", [])), name=f"{assistant.slug}.csv",
                          content_type="text/csv; charset=utf-8")
    file = request.FILES.get("file")
    if file is None or file.size > BYTES:
        faults = [_("Choose a file.") if file is None else _("The file is too large for a glossary.")]
    else:
        pairs, faults = read_glossary(file.read())
    profile = profile_of(assistant)
    if faults:
        return _edit_page(request, assistant, *_forms(None, assistant.task, assistant.directions, profile),
                          glossary_faults=faults)
    services.change(assistant=assistant, **{**profile, "defaults": {**assistant.defaults, "glossary": pairs}})
    messages.success(request, ngettext("The glossary has %(n)s term.", "The glossary has %(n)s terms.", len(pairs)) % {
        "n": len(pairs)})
    return redirect(f"{reverse(EDIT, args=[assistant.pk])}#glossary")


@require_POST
def remove_document(request: HttpRequest, assistant_id: Any) -> HttpResponseBase:
    """Answer no longer from a document."""
    assistant = _assistant(request, assistant_id)
    services.remove_document(assistant=assistant, index=request.POST.get("index", ""))
    return redirect(f"{reverse(EDIT, args=[assistant.pk])}#documents")
