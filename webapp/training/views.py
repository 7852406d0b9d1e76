"""Pages of trainings and artifacts in the admin. What a person may not see is not there: 404."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from modeling.configs import TRAINABLE, model_of
from modeling.errors import ParleyError
from webapp.datasets import exports
from webapp.datasets.models import Upload
from webapp.datasets.uploads import PIECE
from webapp.jobs.models import JobState
from webapp.jobs.packages import training_packages
from webapp.training import comparison, downloads, importing, labelling, preprocessing, presentation, reports, services
from webapp.training.adoption import AdoptForm
from webapp.training.choices import found, versions_for
from webapp.training.forms import CardForm, TrainForm, start_of
from webapp.training.models import Artifact, TrainingRun
from webapp.wording import said

RUN, ARTIFACT = "admin:training_trainingrun_change", "admin:training_artifact_change"
QUEUE = "admin:jobs_job_changelist"
FILES = 50  # labelled files that are listed
OTHERS = 3  # newest trainings for the same job that a run is compared with
DEEDS: dict[str, Callable[..., None]] = {
    "stop": services.stop_run, "pause": services.pause_run, "resume": services.resume, "cancel": services.cancel_run,
}


def _page(request: HttpRequest, template: str, *, model: Any, title: str, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), "opts": model._meta, "title": title,
                                      **context})


def _run(request: HttpRequest, run_id: Any) -> TrainingRun:
    visible = TrainingRun.objects.visible_to(request.user).select_related(
        "job", "artifact__job", "version__dataset", "parent", "owner")
    return _there(visible, run_id)


def _artifact(request: HttpRequest, artifact_id: Any) -> Artifact:
    return _there(Artifact.objects.visible_to(request.user).select_related("job", "owner"), artifact_id)


def _there(rows: Any, pk: Any) -> Any:
    if (row := found(rows, pk)) is None:
        raise Http404
    return row


@require_http_methods(["GET", "HEAD", "POST"])
def train(request: HttpRequest) -> HttpResponseBase:
    """The train form: whole, as the fragment that follows a choice, or sent."""
    start: Any = request.GET
    if again := request.GET.get("again"):
        start = start_of(_run(request, again))
    form = TrainForm(request.POST if request.method == "POST" else None, user=request.user, start=start)
    if form.is_bound and form.is_valid():
        try:
            return redirect(RUN, form.save().pk)
        except ParleyError as error:
            form.add_error(None, said(error))
    template = "training/train_form.html" if request.htmx else "training/train.html"
    return _page(request, template, model=TrainingRun, title=_("Train"), form=form, cost=_cost(form, start),
                 has_data=versions_for(request.user).exists(), packages=training_packages())


@require_GET
def estimate(request: HttpRequest) -> HttpResponse:
    """What the training will cost as the form stands."""
    return render(request, "training/estimate.html", {
        "cost": TrainForm(request.GET, user=request.user, start={}).estimate()})


@require_GET
def steps(request: HttpRequest) -> HttpResponse:
    """What the preprocessing as the form stands makes of some rows."""
    return render(request, "training/steps_fragment.html", preprocessing.shown(
        TrainForm(request.GET, user=request.user, start={})))


def _cost(form: TrainForm, start: Any) -> Any:
    """Of the form as it is shown: sent, or with its first values."""
    if form.is_bound:
        return form.estimate()
    shown = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in shown.items() if name == "parent" or value not in (None, "", False)}
    return TrainForm(sent, user=form.user, start={}).estimate()


@require_GET
def run(request: HttpRequest, run_id: Any) -> HttpResponse:
    """A run, live."""
    shown = _run(request, run_id)
    alike = TrainingRun.objects.visible_to(request.user).filter(task=shown.task).exclude(pk=shown.pk)
    settings = [(comparison.label(name), value) for name, value in comparison.whole_settings(shown).items()]
    return _page(request, "training/run.html", model=TrainingRun, title=shown.name, run=shown, settings=settings,
                 parts=presentation.parts(shown, language=get_language() or "en"), deeds=presentation.deeds(),
                 others=alike[:OTHERS])


@require_POST
def change_run(request: HttpRequest, run_id: uuid.UUID, deed: str) -> HttpResponseBase:
    """Stop, pause, resume, cancel."""
    shown = get_object_or_404(TrainingRun.objects.editable_by(request.user).select_related("job"), pk=run_id)
    if deed not in DEEDS:
        raise Http404
    try:
        DEEDS[deed](run=shown)
    except ParleyError as error:
        messages.error(request, said(error))
    return redirect(RUN, shown.pk)


@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """Runs laid over one another."""
    visible = TrainingRun.objects.visible_to(request.user).select_related("artifact", "version__dataset", "parent")
    chosen = [row for pk in dict.fromkeys(request.GET.getlist("run")) if (row := found(visible, pk))]
    alike = [run for run in chosen if run.task == chosen[0].task][: comparison.MOST]
    return _page(request, "training/compare.html", model=TrainingRun, title=_("Comparison"),
                 left_out=[run for run in chosen if run not in alike], **comparison.compare(alike))


@require_GET
def artifact(request: HttpRequest, artifact_id: Any) -> HttpResponse:
    """An artifact: figures, pictures, examples, card."""
    shown = _artifact(request, artifact_id)
    rows = reverse("admin:training_artifact_rows", args=(shown.pk,))
    mine = Artifact.objects.editable_by(request.user).filter(pk=shown.pk).exists()
    run = TrainingRun.objects.visible_to(request.user).filter(artifact=shown).first()
    return _page(request, "training/artifact.html", model=Artifact, title=shown.name, editable=mine, run=run,
                 trainable=shown.model in TRAINABLE[shown.task] and model_of(shown.task, shown.model).parent != "never",
                 has_rows=(shown.evaluation_folder / "predictions.jsonl").is_file(),
                 publish=f"{reverse('admin:assistants_assistant_add')}?{urlencode({'artifact': shown.pk})}",
                 **reports.overview(shown, rows))


@require_POST
def measure(request: HttpRequest, artifact_id: uuid.UUID) -> HttpResponseBase:
    """Measure an artifact on its test split again."""
    shown = get_object_or_404(Artifact.objects.editable_by(request.user), pk=artifact_id, run__isnull=False)
    services.evaluate_artifact(artifact=shown)
    return redirect(ARTIFACT, shown.pk)


@require_GET
def rows(request: HttpRequest, artifact_id: uuid.UUID) -> HttpResponse:
    """Rows of the test split: all, or those behind a cell of the confusion matrix."""
    shown = _artifact(request, artifact_id)
    asked = {name: request.GET.get(name, "") for name in ("expected", "output")}
    number = request.GET.get("page", "1")
    page = min(int(number), 10**6) if number.isascii() and number.isdigit() and len(number) < 9 else 1
    return _page(request, "training/rows.html", model=Artifact, title=shown.name, artifact=shown, asked=asked,
                 query=urlencode(asked), **reports.rows(shown, page=max(1, page), **asked))


@require_http_methods(["GET", "HEAD", "POST"])
def card(request: HttpRequest, artifact_id: uuid.UUID) -> HttpResponseBase:
    """Write the card of an artifact."""
    shown = get_object_or_404(Artifact.objects.editable_by(request.user), pk=artifact_id)
    form = CardForm(request.POST if request.method == "POST" else None,
                    initial={"name": shown.name, "text": shown.card})
    if form.is_bound and form.is_valid():
        try:
            services.change_card(artifact=shown, **form.cleaned_data)
            return redirect(ARTIFACT, shown.pk)
        except ParleyError as error:
            form.add_error(None, said(error))
    return _page(request, "training/card.html", model=Artifact, title=shown.name, artifact=shown, form=form)


@require_GET
def download(request: HttpRequest, artifact_id: uuid.UUID) -> HttpResponseBase:
    """The artifact as a zip."""
    shown = _artifact(request, artifact_id)
    try:
        return downloads.zipped(shown)
    except ParleyError as error:
        messages.error(request, said(error))
        return redirect(ARTIFACT, shown.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def adopt(request: HttpRequest) -> HttpResponseBase:
    """Take in a classifier that was exported elsewhere."""
    form = AdoptForm(request.POST if request.method == "POST" else None, user=request.user)
    if form.is_bound and form.is_valid():
        return redirect("admin:jobs_job_change", form.save().pk)
    waiting = Upload.objects.filter(owner=request.user) if form.is_bound else ()
    return _page(request, "training/adopt.html", model=Artifact, title=_("Bring a classifier"), form=form,
                 waiting=waiting, most=settings.DATASET_BYTES, piece=PIECE)


@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest) -> HttpResponseBase:
    """Take in artifacts that were uploaded as zips, in pieces, before."""
    faults = []
    if request.method == "POST":
        mine = Upload.objects.filter(owner=request.user)
        sent = [one for text in request.POST.getlist("uploads") if (one := found(mine, text))]
        try:
            if not sent:
                raise ParleyError(_("No file has arrived"), remedy=_("Choose a zip and wait until it is here"))
            jobs = [services.import_artifact(upload=one, owner=request.user) for one in sent]
            return redirect("admin:jobs_job_change", jobs[0].pk) if len(jobs) == 1 else redirect(QUEUE)
        except ParleyError as error:
            faults.append(said(error))
    return _page(request, "training/upload.html", model=Artifact, title=_("Upload an artifact"), faults=faults,
                 most=settings.DATASET_BYTES, piece=PIECE)


@require_http_methods(["GET", "HEAD", "POST"])
def import_model(request: HttpRequest) -> HttpResponseBase:
    """The form of an import: whole, or sent."""
    form = importing.ImportForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        job = importing.import_model(asked=form.cleaned_data, owner=request.user)
        return redirect("admin:jobs_job_change", job.pk)
    return _page(request, "training/import.html", model=Artifact, title=_("Import a model"), form=form,
                 packages=training_packages())


@require_http_methods(["GET", "HEAD", "POST"])
def label(request: HttpRequest, artifact_id: uuid.UUID) -> HttpResponseBase:
    """Files of texts for a classifier to label, and those that it has labelled; as a fragment while it works."""
    shown, faults = _artifact(request, artifact_id), []
    column = request.POST.get("column", "").strip()
    if request.method == "POST":
        mine = Upload.objects.filter(owner=request.user)
        sent = [one for text in request.POST.getlist("uploads") if (one := found(mine, text))]
        try:
            if not sent:
                raise ParleyError(_("No file has arrived"), remedy=_("Choose a file and wait until it is here"))
            for one in sent:
                labelling.label_file(artifact=shown, upload=one, owner=request.user, column=column)
            return redirect("admin:training_artifact_label", shown.pk)
        except ParleyError as error:
            faults.append(said(error))
    template = "training/labelled_fragment.html" if request.htmx else "training/label.html"
    jobs = list(labelling.labelled(shown, request.user)[:FILES])
    return _page(request, template, model=Artifact, title=shown.name, artifact=shown, faults=faults, column=column,
                 most=settings.DATASET_BYTES, piece=PIECE, fits=shown.task == "classification",
                 files=[labelling.presented(job) for job in jobs],
                 working=any(job.state in (JobState.QUEUED, JobState.RUNNING) for job in jobs))


@require_GET
def labelled(request: HttpRequest, artifact_id: uuid.UUID, job_id: int) -> HttpResponseBase:
    """A labelled file."""
    job = get_object_or_404(labelling.labelled(_artifact(request, artifact_id), request.user), pk=job_id)
    if job.state != JobState.DONE or not labelling.file_of(job).is_file():
        raise Http404
    return exports.attachment(exports.file_pieces(labelling.file_of(job)), name=job.result["name"],
                              content_type="text/csv; charset=utf-8")
