"""Pages of word vectors in the admin. What a person may not see is not there: 404."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from modeling.embeddings import FORMATS, PROJECTIONS, encoded, load_map, map_svg
from modeling.errors import ParleyError
from webapp.datasets import exports
from webapp.datasets.models import Upload
from webapp.datasets.uploads import PIECE
from webapp.jobs.packages import training_packages
from webapp.vectors import questions, services
from webapp.vectors.forms import VectorsForm
from webapp.vectors.models import WordVectors
from webapp.wording import said, spoken

CHANGE = "admin:vectors_wordvectors_change"
ASKED: dict[str, Callable[[WordVectors, Any], dict[str, Any]]] = {
    "nearest": questions.nearest, "analogy": questions.analogy}


def _page(request: HttpRequest, template: str, *, title: str, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "opts": WordVectors._meta, "title": title,
                                      **context})


def _vectors(request: HttpRequest, vectors_id: Any) -> WordVectors:
    try:
        pk = uuid.UUID(str(vectors_id))
    except ValueError:
        raise Http404 from None
    visible = WordVectors.objects.visible_to(request.user).select_related("job", "version__dataset", "owner")
    return get_object_or_404(visible, pk=pk)


@require_http_methods(["GET", "HEAD", "POST"])
def train(request: HttpRequest) -> HttpResponseBase:
    """The form of a training: whole, as the fragment that follows a choice, or sent."""
    form = VectorsForm(request.POST if request.method == "POST" else None, user=request.user, start=request.GET)
    if form.is_bound and form.is_valid():
        try:
            return redirect(CHANGE, form.save().pk)
        except ParleyError as error:
            form.add_error(None, said(error))
    template = "vectors/train_form.html" if request.htmx else "vectors/train.html"
    return _page(request, template, title=_("Word vectors from your text"), form=form, packages=training_packages())


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponseBase:
    """Take in files of vectors that were uploaded, in pieces, before."""
    faults = []
    if request.method == "POST":
        sent = Upload.objects.filter(owner=request.user, pk__in=_ids(request.POST.getlist("uploads")))
        try:
            if not sent:
                raise ParleyError(_("No file has arrived"), remedy=_("Choose a file and wait until it is here"))
            made = [services.import_vectors(upload=one, owner=request.user) for one in sent]
            return redirect(CHANGE, made[0].pk)
        except ParleyError as error:
            faults.append(said(error))
    return _page(request, "vectors/upload.html", title=_("Take in word vectors"), faults=faults,
                 most=settings.DATASET_BYTES, piece=PIECE)


def _ids(texts: list[str]) -> list[uuid.UUID]:
    found = []
    for text in texts:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return found


@require_GET
def vectors(request: HttpRequest, vectors_id: Any) -> HttpResponse:
    """One table of vectors: questions to it, its map, its files."""
    shown = _vectors(request, vectors_id)
    making = not shown.words and shown.job is not None and shown.job.state in ("queued", "running", "paused")
    page = _page(request, "vectors/page.html", title=shown.name, vectors=shown, making=making,
                 projections=PROJECTIONS, **({} if making else _shown(request, shown)))
    if request.htmx and not making:
        page["HX-Refresh"] = "true"
    return page


def _shown(request: HttpRequest, shown: WordVectors) -> dict[str, Any]:
    """Examples and the map, or what went wrong."""
    if not shown.words:
        return {"fault": spoken(shown.job.error) if shown.job else _("The files of these word vectors are gone.")}
    try:
        table = questions.table_of(shown)
    except ParleyError as error:
        return {"fault": said(error)}
    asked = request.GET.get("map", "")
    projection = asked if asked in PROJECTIONS else next(iter(PROJECTIONS))
    return {"examples": questions.examples(table), "projection": projection, "picture": _picture(shown, projection)}


def _picture(shown: WordVectors, projection: Any) -> str:
    found = load_map(shown.folder, projection)
    # map_svg escapes the words; everything else in it are numbers.
    return mark_safe(map_svg(*found, styled=False, title=_("Map of words"))) if found else ""  # noqa: S308


@require_GET
def ask(request: HttpRequest, vectors_id: uuid.UUID, question: str) -> HttpResponse:
    """The fragment with the answers to a question."""
    shown = _vectors(request, vectors_id)
    if question not in ASKED or not shown.words:
        raise Http404
    try:
        found = ASKED[question](shown, request.GET)
    except ParleyError as error:
        found = {"fault": said(error)}
    return render(request, "vectors/answers.html", found)


@require_GET
def download(request: HttpRequest, vectors_id: uuid.UUID, kind: str) -> HttpResponseBase:
    """All vectors as a file of one of the formats, made while it is sent."""
    shown = _vectors(request, vectors_id)
    if kind not in FORMATS or not shown.words:
        raise Http404
    try:
        pieces = encoded(questions.table_of(shown), kind)  # type: ignore[arg-type]
    except ParleyError as error:
        messages.error(request, said(error))
        return redirect(CHANGE, shown.pk)
    return exports.attachment(filter(None, pieces), name=f"{shown.name}{FORMATS[kind]}",
                              content_type="application/octet-stream")
