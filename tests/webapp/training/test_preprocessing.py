"""The train form shows what preprocessing does to the chosen data, before anything is trained."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from webapp.datasets.models import DatasetVersion
from webapp.training.models import TrainingRun

ADD, STEPS = reverse("admin:training_trainingrun_add"), reverse("admin:training_trainingrun_steps")


@pytest.fixture
def asked(version: DatasetVersion) -> dict[str, str]:
    version.report["preview"] = [{"row": {"text": "<b>FREE</b> &amp; easy &lt;script&gt;", "label": "spam"}}]
    version.save()
    return {"task": "classification", "version": str(version.pk), "model": "lstm", "set_epochs": "2"}


def test_the_steps_that_are_on_are_shown_on_rows_of_the_data(browser: Client, asked: dict[str, str]) -> None:
    assert "No step is on" in browser.get(STEPS, asked).content.decode()
    page = browser.get(STEPS, {**asked, "set_preprocessing_html": "on", "set_preprocessing_lowercase": "on",
                               "set_preprocessing_urls": "remove"}).content.decode()
    assert "<dt>HTML</dt><dd>FREE &amp; easy " in page and "<dt>Small letters</dt><dd>free &amp; easy</dd>" in page
    assert "nothing to do here" in page and "Web addresses" in page and "<script>" not in page
    asked_for = browser.get(ADD, {**asked, "steps": "1"}).content.decode()
    assert '<details class="p-fold t-steps" open' in asked_for and 'hx-trigger="load, input' in asked_for
    chinese = browser.get(STEPS, {**asked, "set_preprocessing_html": "on"}, headers={"accept-language": "zh-hans"})
    assert "文本" in chinese.content.decode()


@pytest.mark.parametrize(("given", "told"), [
    ({"stop_words": "en"}, "Switch segment on"), ({"segment": "on", "ngrams": "2"}, "the tokenizer words"),
    ({"segment": "on", "stop_words": "xx"}, "languages with a list of stop words"), ({"ngrams": "9"}, "1 to 5"),
])
def test_what_does_not_fit_is_said_there_and_beside_its_field(
    browser: Client, asked: dict[str, str], given: dict[str, str], told: str
) -> None:
    sent = asked | {f"set_preprocessing_{name}": value for name, value in given.items()}
    assert told in browser.get(STEPS, sent).content.decode()
    page = browser.post(ADD, sent).content.decode()
    assert told in page and '<details class="p-fold t-steps" open' in page
    assert not TrainingRun.objects.exists()


def test_a_training_takes_the_steps_along_and_again_begins_with_them(browser: Client, asked: dict[str, str]) -> None:
    sent = asked | {"set_preprocessing_html": "on", "set_preprocessing_words": "gift card，红包"}
    assert browser.post(ADD, sent).status_code == 302
    run = TrainingRun.objects.get()
    assert run.settings["preprocessing_html"] == "true" and run.settings["preprocessing_words"] == "gift card，红包"
    page = browser.get(ADD, {"again": str(run.pk)}).content.decode()
    assert "gift card，红包</textarea>" in page and '<details class="p-fold t-steps" open' in page
    assert "Added words" in browser.get(reverse("admin:training_trainingrun_change", args=(run.pk,))).content.decode()
