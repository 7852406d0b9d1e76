"""A classifier from elsewhere, from its upload to its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from onnx import TensorProto, helper, numpy_helper

from tests.webapp.training.trainings import settled, steps_until
from webapp.accounts.models import User
from webapp.datasets.models import Upload
from webapp.jobs.models import Job
from webapp.jobs.trainer import Trainer
from webapp.training.models import Artifact

pytestmark = pytest.mark.django_db(transaction=True)


def graph() -> bytes:
    """Counts the ids 2 and 3 of six, and calls the one that is there more often."""
    table = np.zeros((8, 2), np.float32)
    table[2, 0] = table[3, 1] = 4.0
    nodes = [helper.make_node("Gather", ["table", "ids"], ["found"]),
             helper.make_node("ReduceSum", ["found", "axis"], ["sums"], keepdims=0),
             helper.make_node("Softmax", ["sums"], ["shares"], axis=-1)]
    made = helper.make_graph(
        nodes, "count", [helper.make_tensor_value_info("ids", TensorProto.INT64, ["B", 6])],
        [helper.make_tensor_value_info("shares", TensorProto.FLOAT, ["B", 2])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(np.array([1]), "axis")])
    return bytes(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9).SerializeToString())


def uploaded(owner: User, name: str, content: bytes) -> str:
    upload = Upload.objects.create(owner=owner, name=name, bytes=len(content), received=len(content))
    upload.path.parent.mkdir(parents=True, exist_ok=True)
    upload.path.write_bytes(content)
    return str(upload.pk)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> None:
    settings.HOME = tmp_path


def sent(owner: User, browser: Client, rows: bytes = b"text,label\nred red,warm\nblue,cold\nblue blue,cold\n") -> Any:
    files = [uploaded(owner, "count.onnx", graph()), uploaded(owner, "words.txt", b"[PAD]\n[UNK]\nred\nblue\n"),
             uploaded(owner, "rows.csv", rows)]
    return browser.post(reverse("admin:training_artifact_adopt"), {"uploads": files, "labels": "warm\ncold"})


def test_a_foreign_classifier_is_tried_and_taken_in(
    trainer_user: User, browser: Client, worker: Trainer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("webapp.training.services.ARTIFACTS", tmp_path / "artifacts")
    assert sent(trainer_user, browser).status_code == 302
    steps_until(worker, settled("adoption"))
    assert Job.objects.get().state == "done", Job.objects.get().error
    artifact = Artifact.objects.get()
    assert artifact.model == "onnx" and artifact.metrics["accuracy"] == 1.0 and artifact.owner == trainer_user
    assert not Upload.objects.exists() and not list(tmp_path.glob("imports/*"))
    assert "count" in browser.get(reverse("admin:training_artifact_change", args=(artifact.pk,))).content.decode()


def test_one_that_does_not_fit_its_samples_is_refused_with_the_reason(
    trainer_user: User, browser: Client, worker: Trainer
) -> None:
    sent(trainer_user, browser, b"text,label\nred,hot\nblue,cold\n")
    steps_until(worker, settled("adoption"))
    job = Job.objects.get()
    assert job.state == "failed" and "'hot'" in job.error
    assert not Artifact.objects.exists() and not Upload.objects.exists()


def test_what_is_missing_is_told_beside_its_field(trainer_user: User, browser: Client) -> None:
    for files, labels, said in (
        ([], "a\nb", "nothing else is opened"),
        ([uploaded(trainer_user, "m.onnx", graph())], "a\nb", "at least one text to try"),
        ([uploaded(trainer_user, "m.pkl", b"x")], "a\nb", "one too many of its kind"),
        ([uploaded(trainer_user, "m.onnx", graph())], "a", "At least two labels"),
    ):
        page = browser.post(reverse("admin:training_artifact_adopt"), {"uploads": files, "labels": labels})
        assert said in page.content.decode()
    assert not Job.objects.exists()
