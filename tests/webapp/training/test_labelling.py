"""A file of texts through the site: uploaded, labelled by the trainer's child, taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from modeling.errors import RequestError
from tests.webapp.training.trainings import settled, steps_until
from webapp.datasets.models import Upload
from webapp.jobs.models import Job, JobState
from webapp.training import services
from webapp.training.labelling import LabelHandler, file_of, label_file
from webapp.training.models import Artifact


@pytest.fixture
def spam(trainer_user) -> Artifact:
    return services.register_artifact(path=settings.ROOT / "modeling" / "starters" / "spam", owner=trainer_user,
                                      origin="starter", verify=False)


def sent(owner, name: str, content: str) -> Upload:
    upload = Upload.objects.create(owner=owner, name=name, bytes=len(content.encode()), received=len(content.encode()))
    upload.path.parent.mkdir(parents=True, exist_ok=True)
    upload.path.write_text(content)
    return upload


@pytest.mark.once
def test_a_file_comes_back_with_labels(browser, trainer_user, spam, worker):
    rows = "id,text\n1,WINNER!! Claim your free prize now\n2,See you at lunch\n"
    upload = sent(trainer_user, "消息 of June.csv", rows)
    page = f"/admin/training/artifact/{spam.pk}/label/"
    assert browser.post(page, {"uploads": [str(upload.pk)]}).status_code == 302
    job = Job.objects.get(kind="label")
    assert "hx-trigger" in browser.get(page).content.decode().split('id="labelled"')[1][:200]
    steps_until(worker, settled("label"))
    job.refresh_from_db()
    assert job.state == JobState.DONE, job.error
    assert job.result["rows"] == 2 and job.result["labels"] == {"spam": 1, "ham": 1}
    html = browser.get(page).content.decode()
    assert "2 rows" in html and f"{page}{job.pk}/" in html
    response = browser.get(f"{page}{job.pk}/")
    assert "of%20June.labelled.csv" in response["Content-Disposition"]
    assert file_of(job).read_text("utf-8-sig").splitlines()[1].startswith(f"{rows.splitlines()[1]},spam,0.9")
    assert not Upload.objects.exists() and not upload.path.exists()


@pytest.mark.once
def test_a_file_without_texts_says_so(browser, trainer_user, spam, worker):
    label_file(artifact=spam, upload=sent(trainer_user, "n.csv", "a,b\n1,2\n3,4\n"), owner=trainer_user)
    steps_until(worker, settled("label"))
    assert "no column with texts was found" in browser.get(
        f"/admin/training/artifact/{spam.pk}/label/").content.decode()


def test_a_file_may_be_called_like_a_folder_of_the_job(trainer_user, spam):
    job = label_file(artifact=spam, upload=sent(trainer_user, "out", "a\n"), owner=trainer_user)
    command = LabelHandler(job).command()
    assert Path(command[command.index("label") + 2]).read_text() == "a\n"


def test_only_whole_files_and_classifiers_are_taken(trainer_user, spam):
    half = Upload.objects.create(owner=trainer_user, name="half.csv", bytes=9, received=3)
    with pytest.raises(RequestError, match="whole"):
        label_file(artifact=spam, upload=half, owner=trainer_user)
    spam.task = "summarisation"
    with pytest.raises(RequestError, match="no classifier"):
        label_file(artifact=spam, upload=half, owner=trainer_user)
