"""Trainings and artifacts in the admin: the lists, and the addresses of our own pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from modeling.errors import ParleyError
from webapp.accounts.owned import OwnedAdmin
from webapp.jobs.models import JobState
from webapp.training import services, views
from webapp.training.figures import deciding, figure_text, name_of
from webapp.training.models import Artifact, TrainingRun
from webapp.wording import said

LABELS = {"running": "info", "done": "success", "failed": "danger", "queued": "warning"}


class OwnPages(OwnedAdmin):
    """Things with a page of their own, removed one by one by services that say why they cannot."""

    list_per_page = 50

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without removal by the dozen."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_deleted_objects(self, objects: Any, request: HttpRequest) -> tuple[Any, ...]:
        """The thing itself; what hangs on it is not worth a list."""
        return [str(one) for one in objects], {self.opts.verbose_name_plural: len(objects)}, set(), []

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponseBase:
        """Removed, or told why not."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except ParleyError as error:
            messages.error(request, said(error))
            return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", object_id)


@admin.register(TrainingRun)
class TrainingRunAdmin(OwnPages):
    """Every training that was started."""

    list_display = ("name", "job_of", "model", "version", "state", "progress", "result", "owner", "created")
    list_filter = ("task", "model")
    search_fields = ("name",)
    list_select_related = ("job", "version__dataset", "owner", "artifact")
    actions = ("compare",)

    def get_urls(self) -> list[URLPattern]:
        """Ours before the admin's."""
        guard = self.admin_site.admin_view
        return [
            path("estimate/", guard(views.estimate), name="training_trainingrun_estimate"),
            path("steps/", guard(views.steps), name="training_trainingrun_steps"),
            path("compare/", guard(views.compare), name="training_trainingrun_compare"),
            path("<uuid:run_id>/<slug:deed>/do/", guard(views.change_run), name="training_trainingrun_do"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        """The train form."""
        return views.train(request)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None,
                    ) -> HttpResponseBase:
        """The run, live."""
        return views.run(request, object_id)

    def delete_model(self, request: HttpRequest, run: TrainingRun) -> None:
        """With its checkpoints."""
        services.delete_run(run=run)

    @display(description=_("Job"), ordering="task")
    def job_of(self, run: TrainingRun) -> str:
        """What it trains for."""
        return str(run.get_task_display())

    @display(description=_("state"), label=LABELS)
    def state(self, run: TrainingRun) -> tuple[str, str]:
        """Its job's."""
        return (run.job.state, run.job.get_state_display()) if run.job else ("", "–")

    @display(description=_("progress"))
    def progress(self, run: TrainingRun) -> str:
        """In per cent, while it runs."""
        return f"{run.job.progress:.0%}" if run.job and run.job.state in (JobState.RUNNING, JobState.PAUSED) else ""

    @display(description=_("result"))
    def result(self, run: TrainingRun) -> str:
        """The deciding figure of its artifact."""
        return _result(run.artifact) if run.artifact else ""

    @admin.action(description=_("Compare"))
    def compare(self, request: HttpRequest, runs: QuerySet[TrainingRun]) -> HttpResponseBase:
        """Lay the chosen runs over one another."""
        chosen = [("run", str(pk)) for pk in runs.order_by("created").values_list("pk", flat=True)]
        return redirect(f"{reverse('admin:training_trainingrun_compare')}?{urlencode(chosen)}")


@admin.register(Artifact)
class ArtifactAdmin(OwnPages):
    """Everything that can be published or continued from."""

    list_display = ("name", "job_of", "model", "origin", "result", "size", "owner", "created")
    list_filter = ("task", "origin")
    search_fields = ("name",)
    list_select_related = ("owner",)

    def get_urls(self) -> list[URLPattern]:
        """Ours before the admin's."""
        guard = self.admin_site.admin_view
        return [
            path("adopt/", guard(views.adopt), name="training_artifact_adopt"),
            path("import/", guard(views.import_model), name="training_artifact_import"),
            path("<uuid:artifact_id>/rows/", guard(views.rows), name="training_artifact_rows"),
            path("<uuid:artifact_id>/measure/", guard(views.measure), name="training_artifact_measure"),
            path("<uuid:artifact_id>/card/", guard(views.card), name="training_artifact_card"),
            path("<uuid:artifact_id>/label/", guard(views.label), name="training_artifact_label"),
            path("<uuid:artifact_id>/label/<int:job_id>/", guard(views.labelled), name="training_artifact_labelled"),
            path("<uuid:artifact_id>/download/", guard(views.download), name="training_artifact_download"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        """The upload of a zip; other artifacts come from trainings."""
        return views.upload(request)

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None,
                    ) -> HttpResponseBase:
        """The artifact's page."""
        return views.artifact(request, object_id)

    def delete_model(self, request: HttpRequest, artifact: Artifact) -> None:
        """With its files."""
        services.delete_artifact(artifact=artifact)

    @display(description=_("Job"), ordering="task")
    def job_of(self, artifact: Artifact) -> str:
        """What it answers."""
        return str(artifact.get_task_display())

    @display(description=_("result"))
    def result(self, artifact: Artifact) -> str:
        """Its deciding figure."""
        return _result(artifact)

    @display(description=_("size"), ordering="bytes")
    def size(self, artifact: Artifact) -> str:
        """Of all its files."""
        return filesizeformat(artifact.bytes)


def _result(artifact: Artifact) -> str:
    found = deciding(artifact.task, (artifact.report or {}).get("metrics") or artifact.metrics)
    return f"{name_of(found[0])} {figure_text(*found)}" if found else ""
