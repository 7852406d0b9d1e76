"""Readers from folders of BERT and its kin, beside the library that made them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer as HuggingFaceTokenizer

from modeling.errors import ConfigError
from modeling.inference import Request as Asked
from modeling.inference.engine import LocalEngine
from modeling.models import BertReader, Dual
from modeling.retrieval import PassageIndex
from modeling.text import PairMarks, Tokenizer
from modeling.training import Request, train
from modeling.training.prepare import read_parent
from tests.modeling.folders import READERS, reader_folder
from tests.modeling.tiny import QUESTIONS, TINY, WORDS

KNOWN = (*WORDS, "the", "stands", "on", "what", "there")
QUESTION, PASSAGE = "what stands there", "the red stone stands on the river"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    reader_folder(tmp_path, "bert", KNOWN)
    return tmp_path


@pytest.mark.parametrize("family", READERS)
def test_a_pair_is_read_as_transformers_reads_it(family: str, tmp_path: Path) -> None:
    theirs = reader_folder(tmp_path, family, KNOWN)
    tokenizer = Tokenizer.load(tmp_path)
    pair = HuggingFaceTokenizer.from_file(str(tmp_path / "tokenizer.json")).encode(QUESTION, PASSAGE)
    marks, question = PairMarks.of(tokenizer), tokenizer.encode(QUESTION)
    window = marks.window(question, tokenizer.encode(PASSAGE))
    assert window == pair.ids and len(marks) == (4 if "roberta" in family else 3)
    assert marks.start(question) == pair.sequence_ids.index(1)
    ids = torch.tensor([window, [*window[:-4], *[tokenizer.pad_id] * 4]])
    lengths = torch.tensor([len(window), len(window) - 4])
    types = (torch.arange(len(window)) >= marks.start(question)).long().expand(2, -1)
    mask = (torch.arange(len(window)) < lengths[:, None]).long()
    with torch.no_grad():
        expected = theirs(ids, attention_mask=mask, **({"token_type_ids": types} if family == "bert" else {}))
        start, end = BertReader.from_folder(tmp_path, window=60).eval()(ids, types, lengths)
    for ours, logits in ((start, expected.start_logits), (end, expected.end_logits)):
        assert torch.allclose(ours[mask.bool()], logits[mask.bool()], atol=1e-4)


def test_rows_of_the_word_table_without_a_token_are_left_out_and_too_few_are_refused(tmp_path: Path) -> None:
    theirs = reader_folder(tmp_path, "xlm-roberta")
    parent = read_parent(tmp_path, "question-answering", "bert")
    kept = parent.weights["embeddings.word.weight"]
    assert len(kept) == parent.config["vocabulary_size"] == parent.tokenizer.vocabulary_size
    assert torch.equal(kept, theirs.roberta.embeddings.word_embeddings.weight[: len(kept)])
    READERS["xlm-roberta"](10).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="embeddings 13 rows"):
        Dual.from_folder(tmp_path)


@pytest.mark.parametrize(("family", "model"), [("roberta", "bert"), ("xlm-roberta", "bert"), ("distilbert", "bert"),
                                               ("roberta", "dual")])
async def test_a_folder_of_the_kin_trains_is_proved_equal_and_answers(family: str, model: str, tmp_path: Path) -> None:
    folder, rows = tmp_path / "parent", tmp_path / "rows.jsonl"
    folder.mkdir()
    reader_folder(folder, family, KNOWN)
    rows.write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS[:60]))
    settings = {"window": 60, "stride": 8} if model == "bert" else {"length": 24}
    artifact = train(Request(
        task="question-answering", model=model, data=[rows], out=tmp_path / "model", storage="fp32", parent=folder,
        settings={**TINY["question-answering", model].common, "steps": 4, "evaluations": 1, **settings}))
    parity = artifact.manifest["parity"]
    assert parity["rows"] > 0 and parity["max_difference"] <= 1e-3 and parity["differing"] == 0
    assert artifact.config["types"] == (0 if family == "distilbert" else 1)
    PassageIndex.build([("d", "red", PASSAGE)]).save(tmp_path / "documents")
    async with LocalEngine(threads=1) as engine:
        asked = Asked(artifact=str(artifact.path), text="what stands on the river",
                      documents=(str(tmp_path / "documents"),))
        last = [chunk async for chunk in await engine.submit(asked)][-1]
    assert last.finish_reason == "stop" and last.result and last.result["passages"][0]["text"] == PASSAGE


def test_padding_does_not_change_an_answer(folder: Path) -> None:
    reader = BertReader.from_folder(folder).eval()
    ids, types = torch.randint(5, len(KNOWN), (1, 12)), torch.zeros(1, 12, dtype=torch.long)
    with torch.no_grad():
        alone, _ = reader(ids, types, torch.tensor([12]))
        longer = torch.nn.functional.pad(ids, (0, 6))
        padded, _ = reader(longer, torch.zeros_like(longer), torch.tensor([12]))
    assert torch.allclose(alone, padded[:, :12], atol=1e-6)


def test_a_folder_of_another_architecture_is_refused(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"bert"', '"gpt2"'))
    with pytest.raises(ConfigError, match="gpt2"):
        BertReader.from_folder(folder)


def test_a_folder_without_safetensors_is_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match=r"model\.safetensors"):
        BertReader.from_folder(folder)


def test_pieces_whose_ids_are_not_the_models_are_refused_with_a_way_out(tmp_path: Path) -> None:
    reader_folder(tmp_path, "xlm-roberta")
    (tmp_path / "tokenizer.json").rename(tmp_path / "sentencepiece.bpe.model")
    with pytest.raises(ConfigError, match="AutoTokenizer"):
        BertReader.from_folder(tmp_path)
