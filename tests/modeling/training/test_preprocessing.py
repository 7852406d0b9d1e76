"""Training and serving see the same: what a text becomes is settled once, and travels with the artifact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modeling.artifact import Artifact, write_artifact
from modeling.configs import MODELS, TrainingConfig, read_settings
from modeling.errors import ArtifactError, ConfigError
from modeling.inference.classification import ClassificationScheduler
from modeling.inference.reading import Reader
from modeling.text import Preprocessing
from modeling.training import Request, train
from modeling.training.objectives import OBJECTIVES
from tests.modeling.tiny import EVERY_STEP, TINY

HOSTILE = ["<p>RED&amp;stone</p>", "ｒｅｄ in New  York!", "http://red.org/?stone=1 mail a@b.cc 3,14",
           "量子糾纏態，紅色的蘋果", "<script>" * 50, "\ud800 r\u0301ed \x00", "&lt;s&gt; </s> <pad> <url>", "",
           "the of and", "İ ﬁ ① e\u0301", "a" * 3000]
STEPS = {f"preprocessing_{name}": value for name, value in EVERY_STEP.as_dict().items()}


@pytest.fixture(scope="module")
def seen() -> list[tuple[str, list[int]]]:
    """The texts that the training encoded, with their ids."""
    return []


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory, seen: list[tuple[str, list[int]]]) -> Artifact:
    folder = tmp_path_factory.mktemp("preprocessed")
    words = ("red", "blue", "stone", "apple", "river", "cloud", "house", "winter")
    rows = [{"text": f"<b>{a.upper()}</b> &amp; {b} in New York, {c}", "label": "warm" if "red" in (a, b) else "cold"}
            for a in words for b in words for c in words[:2]]
    rows += [{"text": text or "x", "label": "cold"} for text in HOSTILE]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    kind = OBJECTIVES["classification"]["lstm"]
    patch = pytest.MonkeyPatch()
    encode: Any = kind.encode  # type: ignore[attr-defined]

    def noted(self: Any, texts: Any) -> list[list[int]]:
        found: list[list[int]] = encode(self, texts)
        seen.extend(zip(texts, found, strict=True))
        return found

    patch.setattr(kind, "encode", noted)
    given = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in STEPS.items()}
    settings = read_settings("classification", "lstm", {**given, "tokenizer": "words"})
    tiny = TINY["classification", "lstm"]
    made = train(Request(task="classification", model="lstm", data=[folder / "rows.jsonl"], out=folder / "model",
                         storage="fp32", settings={**tiny.common, **tiny.settings, **settings}))
    patch.undo()
    return made


def test_the_engine_reads_the_ids_that_the_training_read(
    artifact: Artifact, seen: list[tuple[str, list[int]]]
) -> None:
    scheduler = ClassificationScheduler(artifact, threads=1, device="cpu", slots=1, max_waiting=1)
    assert len({text for text, _ in seen}) > 100 and any("<script>" in text for text, _ in seen)
    assert [(text, scheduler.encoded(text)) for text, _ in seen] == seen
    assert all(scheduler.encoded(text) for text in HOSTILE)


def test_the_artifact_says_what_is_done_and_works_without_the_lists(artifact: Artifact) -> None:
    saved = artifact.preprocessing["text"]
    assert Preprocessing.from_dict(saved) == EVERY_STEP.frozen() and "stop_words" not in saved
    assert "preprocessing" not in artifact.manifest["lineage"]["settings"]
    tokenizer = artifact.tokenizer
    assert tokenizer.token(tokenizer.encode("New York")[0]) == "new_york"
    assert "new_york" in {tokenizer.token(i) for i in tokenizer.encode("RED in New York")}
    assert "ngrams" in artifact.card


def test_a_training_that_goes_on_keeps_the_steps_of_its_parent(artifact: Artifact, tmp_path: Path) -> None:
    rows = [{"text": f"red {n}" if n % 2 else f"blue {n}", "label": "ab"[n % 2]} for n in range(60)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = {"task": "classification", "model": "lstm", "data": [tmp_path / "rows.jsonl"], "parent": artifact.path}
    common = TINY["classification", "lstm"].common | {"steps": 2}
    child = train(Request(**asked, out=tmp_path / "child", settings=common))
    assert child.preprocessing["text"] == artifact.preprocessing["text"]
    with pytest.raises(ConfigError, match="retokenise"):
        train(Request(**asked, out=tmp_path / "other", settings=common | {"preprocessing_html": True}))


def test_an_artifact_without_steps_has_no_word_of_them(tmp_path: Path) -> None:
    tiny = TINY["classification", "lstm"]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in tiny.rows))
    made = train(Request(task="classification", model="lstm", data=[tmp_path / "rows.jsonl"], out=tmp_path / "model",
                         settings={**tiny.common, **tiny.settings, "steps": 2}))
    assert "text" not in made.preprocessing and not made.tokenizer.pipeline
    assert "reprocessing" not in json.dumps(made.manifest["lineage"])


def test_unknown_steps_in_an_artifact_are_refused(artifact: Artifact, tmp_path: Path) -> None:
    for bad in ({"colour": True}, ["html"], {"ngrams": 99}):
        manifest = artifact.manifest | {"preprocessing": artifact.preprocessing | {"text": bad}}
        files = {name: artifact.path / name for name in manifest["files"]}
        with pytest.raises(ArtifactError, match="preprocessing"):
            _ = write_artifact(tmp_path / "bad", manifest=manifest, files=dict(files)).tokenizer


MAKERS = [(task, model) for task, models in MODELS.items() for model, entry in models.items()
          if "tokenizer" in entry.uses]


@pytest.mark.parametrize(("task", "model"), MAKERS)
def test_every_tokenizer_made_here_knows_the_steps(task: str, model: str) -> None:
    steps = Preprocessing(lowercase=True, words=("Zyxwv",))
    made = OBJECTIVES[task][model].make_tokenizer(TINY[task, model].rows, 420, TrainingConfig(preprocessing=steps))
    assert made.pipeline.preprocessing == steps and made.token_id("zyxwv") is not None


@pytest.mark.parametrize(("task", "model", "given", "field"), [
    ("translation", "transformer", {"preprocessing_segment": "true"}, "preprocessing_segment"),
    ("question-answering", "bert", {"preprocessing_html": "true"}, "preprocessing_html"),
    ("question-answering", "bert", {"preprocessing_words": "a"}, "preprocessing_words"),
    ("classification", "lstm", {"preprocessing_segment": "true", "preprocessing_ngrams": "2"}, "preprocessing_ngrams"),
    ("classification", "lstm", {"preprocessing_ngrams": "many"}, "preprocessing_ngrams"),
    ("classification", "lstm", {"preprocessing_stop_words": "en"}, "preprocessing_stop_words"),
    ("classification", "lstm", {"preprocessing": "x"}, "preprocessing"),
])
def test_steps_that_do_not_fit_are_refused_by_name(task: str, model: str, given: dict[str, str], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings(task, model, given)
    assert caught.value.field == field


def test_a_reader_reads_what_was_prepared_and_answers_as_it_was_written(tmp_path: Path) -> None:
    tiny = TINY["question-answering", "bert"]
    rows = [{**row, "context": row["context"].upper(), "question": row["question"].title(),
             "answers": [answer | {"text": answer["text"].upper()} for answer in row["answers"]]} for row in tiny.rows]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "parent").mkdir()
    assert tiny.parent
    made = train(Request(
        task="question-answering", model="bert", data=[tmp_path / "rows.jsonl"], out=tmp_path / "model",
        parent=tiny.parent(tmp_path / "parent"), storage="fp32",
        settings={**tiny.common, **tiny.settings, "steps": 2, "preprocessing_lowercase": True}))
    reader = Reader(made, threads=1, device="cpu")
    context = "The Red STANDS on the İ Stone"
    [window] = reader.windows(reader.question("On WHAT"), [context])
    assert reader.tokenizer.unk_id not in window.question
    assert [context[start:end] for start, end in window.offsets] == context.split()
    assert [reader.tokenizer.token(i) for i in window.ids if i != reader.tokenizer.unk_id] == [
        "the", "red", "stands", "on", "the", "stone"]
