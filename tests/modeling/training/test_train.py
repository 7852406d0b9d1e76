import json
from pathlib import Path
from typing import Any

import pytest
import torch

from modeling.artifact import Artifact
from modeling.errors import ConfigError, DataError
from modeling.training import Request, train
from modeling.training.prepare import make_module, make_objective, read_parent

WORDS = ["red", "blue", "green", "stone", "river", "cloud", "apple", "house", "seven", "winter"]
GENERATION = {"width": 32, "layers": 1, "heads": 2, "kv_heads": 1, "hidden": 48, "context": 32, "dropout": 0.2,
              "tokenizer": "characters", "vocabulary_size": 60, "precision": "fp32", "steps": 40, "patience": 0,
              "batch_tokens": 256}


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    rows = [{"text": " ".join(WORDS[(i * k) % 10] for k in range(1, 7))} for i in range(10)]
    rows += [{"text": f"{a} {b} {a}"} for a in WORDS for b in WORDS]
    return write(tmp_path / "texts.jsonl", rows)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    rows = [{"text": f"{a} {b} {c}", "label": "warm" if "red" in (a, b, c) else "cold"}
            for a in WORDS for b in WORDS for c in WORDS[:3]]
    return write(tmp_path / "labelled.jsonl", rows)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = [{"source": f"{a} {b}", "target": f"{b.upper()} {a.upper()}", "source_language": "en",
             "target_language": "fr"} for a in WORDS for b in WORDS if a != b]
    return write(tmp_path / "pairs.jsonl", rows)


def losses(request: Request) -> tuple[list[float], Artifact]:
    """Validation losses as the training goes on, and its artifact."""
    events: list[dict[str, Any]] = []
    artifact = train(request, on_event=events.append)
    return [event["loss"] for event in events if event["event"] == "evaluation"], artifact


def test_a_classifier_learns_and_ends_as_an_artifact(labelled: Path, tmp_path: Path) -> None:
    settings = {"steps": 80, "hidden": 16, "embedding": 16, "learning_rate": 0.02, "vocabulary_size": 300,
                "tokenizer": "words", "patience": 0, "batch_tokens": 512, "dropout": 0.0}
    found, artifact = losses(
        Request(task="classification", model="lstm", data=[labelled], out=tmp_path / "model", settings=settings)
    )
    assert found[-1] < 0.5 * found[0]
    assert artifact.labels == ["cold", "warm"]
    assert artifact.metrics["accuracy"] > 0.8
    assert artifact.metrics["rounding"]["int8"]["accuracy"] == artifact.metrics["accuracy"]
    assert "rounding / fp32 / accuracy" in artifact.card
    assert "warm" in artifact.card
    assert not (tmp_path / "model.run").exists()


def test_a_language_model_learns(texts: Path, tmp_path: Path) -> None:
    found, artifact = losses(
        Request(task="generation", model="decoder", data=[texts], out=tmp_path / "model", settings=GENERATION)
    )
    assert found[-1] < 0.9 * found[0]
    assert artifact.metrics["perplexity"] < 20


def test_a_translator_learns_both_directions(pairs: Path, tmp_path: Path) -> None:
    settings = {"width": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "hidden": 48, "context": 24,
                "vocabulary_size": 420, "precision": "fp32", "steps": 60, "batch_tokens": 512, "dropout": 0.0,
                "test": 0.1, "validation": 0.1, "beam": 2}
    found, artifact = losses(
        Request(task="translation", model="transformer", data=[pairs], out=tmp_path / "model", settings=settings)
    )
    assert found[-1] < 0.7 * found[0]
    assert artifact.config["directions"] == ["en-fr", "fr-en"]
    assert set(artifact.metrics["directions"]) == {"en-fr", "fr-en"}


def test_a_training_goes_on_from_an_artifact_with_its_tokenizer(texts: Path, tmp_path: Path) -> None:
    request = Request(task="generation", model="decoder", data=[texts], out=tmp_path / "first", settings=GENERATION)
    first, parent = losses(request)
    more = {"steps": 10, "precision": "fp32", "batch_tokens": 256, "dropout": 0.1, "learning_rate": 1e-4, "patience": 0}
    second, child = losses(
        Request(task="generation", model="decoder", data=[texts], out=tmp_path / "second", settings=more,
                parent=tmp_path / "first")
    )
    assert second[0] < first[0]
    assert child.tokenizer.vocabulary_size == parent.tokenizer.vocabulary_size
    assert child.manifest["lineage"]["parent"]["name"] == "first"


def test_tokens_of_both_vocabularies_keep_their_vectors(texts: Path, tmp_path: Path) -> None:
    parent = read_parent(
        train(Request(task="generation", model="decoder", data=[texts], out=tmp_path / "first",
                      settings=GENERATION | {"steps": 2})).path, "generation", "decoder")
    rows = [{"text": "zebra red"}, {"text": "zoo blue"}]
    objective = make_objective("decoder", "generation", rows, {"retokenise": True, "vocabulary_size": 40,
                               "tokenizer": "characters"}, folder=tmp_path, parent=parent)
    vectors = make_module(objective, seed=5, parent=parent).state_dict()["embedding.weight"]
    red, known = (tokenizer.token_id("r") for tokenizer in (objective.tokenizer, parent.tokenizer))
    assert torch.equal(vectors[red], parent.weights["embedding.weight"][known])
    assert parent.tokenizer.token_id("z") is None
    assert objective.tokenizer.token_id("z") is not None


def test_what_a_parent_fixes_cannot_be_set(texts: Path, tmp_path: Path) -> None:
    request = Request(task="generation", model="decoder", data=[texts], out=tmp_path / "first",
                      settings=GENERATION | {"steps": 2})
    train(request)
    with pytest.raises(ConfigError, match="layers cannot change"):
        train(Request(task="generation", model="decoder", data=[texts], out=tmp_path / "second",
                      settings={"layers": 3}, parent=tmp_path / "first"))


def test_the_same_call_again_finds_the_artifact_and_another_one_is_refused(texts: Path, tmp_path: Path) -> None:
    settings = GENERATION | {"steps": 2}
    request = Request(task="generation", model="decoder", data=[texts], out=tmp_path / "model", settings=settings)
    first = train(request)
    assert train(request).digest == first.digest
    with pytest.raises(ConfigError, match="another artifact"):
        train(Request(task="generation", model="decoder", data=[texts], out=tmp_path / "model", seed=1,
                      settings=settings))


def test_a_model_of_another_task_and_missing_files_are_refused(texts: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="models are .*decoder"):
        train(Request(task="generation", model="bert", data=[texts], out=tmp_path / "model"))
    with pytest.raises(DataError, match=r"no file nowhere\.jsonl"):
        train(Request(task="generation", model="decoder", data=[tmp_path / "nowhere.jsonl"], out=tmp_path / "model"))


def test_samples_come_after_each_evaluation(labelled: Path, texts: Path, pairs: Path, tmp_path: Path) -> None:
    small = {"steps": 4, "evaluations": 2, "precision": "fp32", "batch_tokens": 256, "test": 0.1, "validation": 0.1}
    asked = {
        "classification": ("lstm", labelled, {"hidden": 8, "embedding": 8, "vocabulary_size": 300}),
        "generation": ("decoder", texts, GENERATION),
        "translation": ("transformer", pairs, {"width": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2,
                                               "hidden": 48, "context": 24, "vocabulary_size": 420, "beam": 1}),
    }
    for task, (model, data, settings) in asked.items():
        events: list[dict[str, Any]] = []
        train(Request(task=task, model=model, data=[data], out=tmp_path / task, settings=settings | small),
              on_event=events.append)
        kinds = [event["event"] for event in events]
        assert [kinds[place + 1] for place, kind in enumerate(kinds) if kind == "evaluation"] == ["samples", "samples"]
        assert [kind for kind in kinds if kind in ("measuring", "measured", "exporting", "finished")] == [
            "measuring", "measured", "exporting", "finished"]
        for event in events:
            if event["event"] == "samples":
                assert event["items"]
                assert all(set(item) == {"input", "output", "expected"} for item in event["items"])
            if event["event"] == "step":
                assert event["seconds_left"] >= 0


def test_a_stop_file_ends_early_with_the_best_weights(texts: Path, tmp_path: Path) -> None:
    events: list[dict[str, Any]] = []

    def stop_at_the_second_evaluation(event: dict[str, Any]) -> None:
        events.append(event)
        if event["event"] == "evaluation" and event["step"] == 8:
            (tmp_path / "model.run" / "stop").touch()

    settings = GENERATION | {"steps": 400, "evaluations": 100, "learning_rate": 0.01}
    artifact = train(Request(task="generation", model="decoder", data=[texts], out=tmp_path / "model", storage="fp32",
                             settings=settings), on_event=stop_at_the_second_evaluation)
    evaluations = [event for event in events if event["event"] == "evaluation"]
    assert evaluations[-1]["step"] < 20
    assert any("Stopped at step" in event.get("text", "") for event in events)
    assert artifact.metrics["loss"] < evaluations[0]["loss"]


def test_the_lineage_does_not_tell_attempts_apart(texts: Path, tmp_path: Path) -> None:
    settings = GENERATION | {"steps": 2}
    first, second = (
        train(Request(task="generation", model="decoder", data=[texts], out=tmp_path / attempt / "artifact",
                      settings=settings, name="Poet"))
        for attempt in "12"
    )
    assert first.manifest["lineage"] == second.manifest["lineage"]
    assert first.name == "Poet"
    assert first.card.startswith("# Poet")
    assert str(tmp_path) not in (first.path / "manifest.json").read_text()


def test_a_model_that_does_not_fit_into_the_memory_is_refused_in_plain_words(texts: Path, tmp_path: Path) -> None:
    settings = GENERATION | {"width": 8192, "hidden": 65_536, "layers": 256}  # all that a configuration takes
    with pytest.raises(ConfigError, match="memory of this machine"):
        train(Request(task="generation", model="decoder", data=[texts], out=tmp_path / "model", settings=settings))


def test_a_training_that_diverges_says_so(texts: Path, tmp_path: Path) -> None:
    settings = GENERATION | {"learning_rate": 1e9, "clip": 0.0, "warmup": 0.0}
    with pytest.raises(ConfigError, match="lower learning_rate"):
        train(Request(task="generation", model="decoder", data=[texts], out=tmp_path / "model", settings=settings))
