"""Models are imported from the admin: a form, a job, an artifact to publish."""

from __future__ import annotations

import subprocess

import pytest
from django.urls import reverse

from modeling.artifact import Artifact as ArtifactFolder
from tests.modeling.folders import causal_folder
from webapp.jobs.models import Job
from webapp.training.importing import ImportForm, ModelHandler, import_model
from webapp.training.models import Artifact

pytestmark = pytest.mark.django_db


@pytest.fixture
def folders(tmp_path, settings):
    settings.MODELS_FOLDER, settings.HOME = tmp_path / "models", tmp_path / "home"
    (tmp_path / "models" / "tiny-llama").mkdir(parents=True)
    causal_folder(tmp_path / "models" / "tiny-llama")
    return settings.MODELS_FOLDER


@pytest.mark.once
def test_a_folder_of_the_server_becomes_an_artifact(folders, tmp_path, monkeypatch, django_user_model) -> None:
    monkeypatch.setattr("webapp.training.services.ARTIFACTS", tmp_path / "artifacts")
    owner = django_user_model.objects.create_user("tess", password="x", role="trainer")
    form = ImportForm({"folder": "tiny-llama", "task": "generation", "name": "-mine", "context": "32"})
    assert form.is_valid(), form.errors
    job = import_model(asked=form.cleaned_data, owner=owner)
    handler = ModelHandler(job)
    run = subprocess.run(handler.command(), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    made = handler.finished({})
    artifact = Artifact.objects.get(pk=made["artifact"])
    assert (artifact.owner, artifact.task, artifact.name) == (owner, "generation", "-mine")
    assert ArtifactFolder.load(artifact.path).config["context"] == 32
    assert handler.finished({}) == made  # a busy database asks twice


def test_a_folder_outside_of_the_models_is_no_choice(folders) -> None:
    for name in ("../tiny-llama", "/etc", "tiny"):
        assert "folder" in ImportForm({"folder": name, "task": "generation"}).errors
    assert "hub" in ImportForm({"folder": "tiny-llama", "hub": "a/b", "task": "generation"}).errors


def test_the_upload_of_artifacts_leads_to_the_import_and_the_import_to_its_job(client, django_user_model) -> None:
    client.force_login(django_user_model.objects.create_user("tess", password="x", role="trainer"))
    here = reverse("admin:training_artifact_import")
    assert here in client.get(reverse("admin:training_artifact_add")).content.decode()
    sent = client.post(here, {"hub": "owner/model", "task": "translation", "directions": "en-fr"})
    job = Job.objects.get(kind="import")
    assert sent.url == reverse("admin:jobs_job_change", args=[job.pk])
    assert job.arguments["hub"] == "owner/model" and job.arguments["directions"] == "en-fr"
    assert "owner/model" in ModelHandler(job).command()
