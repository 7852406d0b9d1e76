"""Folders with random weights go in, artifacts come out that are proved equal and answer through the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from modeling.__main__ import main
from modeling.errors import ConfigError
from modeling.export.parity import TOLERANCE
from modeling.imports import Import, import_model
from modeling.inference import Request, SamplingParams
from modeling.inference.engine import LocalEngine
from modeling.training import Request as Training
from modeling.training import train
from tests.modeling.folders import SEQ2SEQ, TEXTS, byte_tokenizer, causal_folder, shaken
from tests.modeling.text.test_sentencepiece import learn

GREEDY = SamplingParams(temperature=0, max_tokens=12, beam=1)


def seq2seq_folder(folder: Path, family: str):
    """A folder; the model as transformers has it comes back."""
    model = shaken(SEQ2SEQ[family]())
    model.save_pretrained(folder)
    if family == "marian":
        data = learn("unigram", [text for text in TEXTS if text.isascii()])
        for side in ("source", "target"):
            (folder / f"{side}.spm").write_bytes(data)
        from sentencepiece import SentencePieceProcessor
        pieces = SentencePieceProcessor(model_proto=data)
        words = [pieces.id_to_piece(i) for i in range(3, pieces.piece_size())]
        known = ["<unk>", "<pad>", "</s>", *words]
        known += [f"word{i}" for i in range(len(known), model.config.vocab_size)]
        (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(known)}))
        (folder / "tokenizer_config.json").write_text(json.dumps({"source_lang": "eng", "target_lang": "fra"}))
    else:
        byte_tokenizer(("<s>", "<pad>", "</s>")).save(str(folder / "tokenizer.json"))
    return model


async def answer(artifact, text: str, **more: object) -> list[int]:
    async with LocalEngine(threads=1) as engine:
        asked = Request(artifact=str(artifact.path), text=text, sampling=GREEDY, **more)
        chunks = [chunk async for chunk in await engine.submit(asked)]
    assert chunks[-1].finish_reason in ("stop", "length"), chunks[-1].error
    return [token for chunk in chunks for token in chunk.token_ids]


@pytest.mark.parametrize("family", ["llama3", "qwen2", "qwen3", "mistral", "gpt2"])
async def test_a_causal_model_writes_what_transformers_does(family, tmp_path) -> None:
    folder = tmp_path / "folder"
    theirs = causal_folder(folder, family)
    events = []
    artifact = import_model(Import(source=str(folder), task="generation", out=tmp_path / "a"), on_event=events.append)
    parity = artifact.manifest["parity"]
    assert parity["rows"] == 8 and parity["max_difference"] <= TOLERANCE and parity["differing"] == 0
    assert [event["progress"] for event in events] == sorted(event["progress"] for event in events)
    assert artifact.preprocessing["ends"] == [2] and "Licence" in artifact.card
    ids = torch.tensor([artifact.tokenizer.encode("The quick brown")])
    expected = theirs.generate(ids, max_new_tokens=12, do_sample=False, eos_token_id=2, pad_token_id=2)
    new = expected[0, ids.shape[1] :].tolist()
    assert await answer(artifact, "The quick brown") == [token for token in new if token != 2]


@pytest.mark.parametrize("family", ["marian", "bart", "t5", "t5 1.1"])
async def test_an_encoder_decoder_writes_what_transformers_does(family, tmp_path) -> None:
    theirs = seq2seq_folder(tmp_path / "folder", family)
    task = "translation" if family == "marian" else "summarisation"
    artifact = import_model(Import(source=str(tmp_path / "folder"), task=task, out=tmp_path / "a", context=64))
    assert artifact.manifest["parity"]["differing"] == 0
    told = artifact.preprocessing
    text = "the quick brown fox jumps"
    source = [*told["before"], *artifact.source_tokenizer.encode(told["prefix"] + text), *told["after"]]
    expected = theirs.generate(torch.tensor([source]), max_new_tokens=12, do_sample=False, num_beams=1,
                               forced_eos_token_id=None)[0, 1:].tolist()
    found = await answer(artifact, text)
    ended = expected[: expected.index(told["end"])] if told["end"] in expected else expected
    assert found[: len(ended)] == ended[: len(found)] and len(found) >= min(len(ended), 11)


def test_marian_says_its_languages_and_what_it_must_not_write(tmp_path) -> None:
    seq2seq_folder(tmp_path / "folder", "marian")
    artifact = import_model(Import(source=str(tmp_path / "folder"), task="translation", out=tmp_path / "a"))
    assert artifact.config["directions"] == ["en-fr"] and artifact.languages == ["en", "fr"]
    assert (artifact.preprocessing["start"], artifact.preprocessing["end"]) == (1, 2)
    assert artifact.preprocessing["forbidden"] == [1]
    (tmp_path / "folder" / "tokenizer_config.json").unlink()
    with pytest.raises(ConfigError, match="between which languages.*such as en-fr"):
        import_model(Import(source=str(tmp_path / "folder"), task="translation", out=tmp_path / "b"))
    named = Import(source=str(tmp_path / "folder"), task="translation", out=tmp_path / "b", directions=("de-en",))
    assert import_model(named).config["directions"] == ["de-en"]


def test_what_is_imported_can_be_tuned(tmp_path) -> None:
    causal_folder(tmp_path / "folder")
    artifact = import_model(Import(source=str(tmp_path / "folder"), task="generation", out=tmp_path / "a"))
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": f"a red stone {i}"}) + "\n" for i in range(60)))
    tuned = train(Training(task="generation", model="causal", data=[tmp_path / "rows.jsonl"], out=tmp_path / "b",
                           parent=artifact.path, storage="fp32",
                           settings={"steps": 4, "threads": 1, "lora_rank": 0, "precision": "fp32"}))
    assert tuned.preprocessing["ends"] == [2] and tuned.metrics["loss"] > 0
    assert tuned.manifest["lineage"]["parent"]["name"] == artifact.name


def test_the_hub_is_asked_for_weights_and_settings_only(tmp_path, monkeypatch) -> None:
    import huggingface_hub

    causal_folder(tmp_path / "folder")
    asked = {}

    def fetch(name, **options):
        asked.update(options, name=name)
        return str(tmp_path / "folder")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    artifact = import_model(Import(source="owner/name", task="generation", out=tmp_path / "a"))
    assert artifact.name == "name" and artifact.manifest["lineage"]["imported"] == "owner/name"
    assert asked["name"] == "owner/name" and "*.safetensors" in asked["allow_patterns"]
    assert asked["token"] is False
    assert not [pattern for pattern in asked["allow_patterns"] if pattern.endswith((".py", ".bin", "*", ".pt"))]


def test_without_a_network_the_way_by_a_folder_is_named(tmp_path, monkeypatch) -> None:
    import huggingface_hub

    def fail(name, **options):
        raise OSError("no route")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(ConfigError, match="could not be fetched.*name the folder"):
        import_model(Import(source="owner/name", task="generation", out=tmp_path / "a"))
    with pytest.raises(ConfigError, match="no folder /nowhere.*owner/name"):
        import_model(Import(source="/nowhere", task="generation", out=tmp_path / "a"))


def test_a_model_for_another_task_is_refused_with_what_it_could_do(tmp_path, capsys) -> None:
    causal_folder(tmp_path / "folder", "gpt2")
    assert main(["import", str(tmp_path / "folder"), "--task", "translation", "--out", str(tmp_path / "a")]) == 2
    assert "translation takes marian, t5; a gpt2 model does generation" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_the_command_tells_its_progress_and_its_result(tmp_path, capsys) -> None:
    causal_folder(tmp_path / "folder")
    assert main(["import", str(tmp_path / "folder"), "--task", "generation", "--out", str(tmp_path / "a"),
                 "--context", "32", "--storage", "fp16"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["progress"] == 0 and lines[-1]["result"]["digest"]
