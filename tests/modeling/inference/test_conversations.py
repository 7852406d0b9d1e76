"""Causal models with a template hear the conversation so far; each of their end tokens ends an answer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from modeling.artifact import Artifact
from modeling.errors import RequestError
from modeling.export import assemble
from modeling.inference import Request, SamplingParams
from modeling.inference.generation import GenerationScheduler
from modeling.inference.wire import pack, pack_request, unpack, unpack_request
from modeling.models import Causal
from modeling.text import PLAIN, Tokenizer
from tests.modeling.folders import causal_folder

GREEDY = SamplingParams(temperature=0, max_tokens=8)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> tuple[Causal, Tokenizer, Path]:
    folder = tmp_path_factory.mktemp("folder")
    causal_folder(folder)
    return Causal.from_folder(folder).eval().requires_grad_(False), Tokenizer.load(folder), folder


def scheduler(model, **preprocessing) -> GenerationScheduler:
    module, tokenizer, folder = model
    name = "-".join(map(str, preprocessing.get("ends", ()))) + str(len(preprocessing.get("template", "")))
    artifact: Artifact = assemble(folder / name, task="generation", model="causal", config=module.config,
                                  state=module.state_dict(), tokenizer=tokenizer, preprocessing=preprocessing)
    return GenerationScheduler(artifact, threads=1, device="cpu", slots=2, max_waiting=4)


def likeliest(module: Causal, ids: list[int], count: int) -> list[int]:
    for _ in range(count):
        ids = [*ids, int(module(torch.tensor([ids]))[0, -1].argmax())]
    return ids[-count:]


def test_the_conversation_is_the_prompt_and_its_oldest_part_gives_way(model) -> None:
    talks = scheduler(model, template=PLAIN, ends=[2], start=[], tokens={"eos_token": "<|im_end|>"})
    asked = Request(artifact="a", text="fox?", history=("dog?", "moon"), sampling=GREEDY)
    ids = talks.prepare(asked).prompt
    text = talks.tokenizer.decode(ids)
    assert text.endswith("### Response:\n") and "fox?" in text and len(ids) < 64
    assert ids == talks.chat.prompt([{"role": "user", "content": "fox?"}])  # 64 tokens have no room for more
    with pytest.raises(RequestError, match="takes up to 63"):
        talks.prepare(Request(artifact="a", text="a long question " * 20))
    with pytest.raises(RequestError, match="empty"):
        talks.prepare(Request(artifact="a", text=" "))


def test_without_a_template_a_text_goes_on_from_its_start_tokens(model) -> None:
    writes = scheduler(model, start=[1], ends=[2])
    assert writes.prepare(Request(artifact="a", text="fox", history=("a", "b"))).prompt == [
        1, *writes.tokenizer.encode("fox")]


def test_each_end_token_ends_an_answer(model, drive) -> None:
    module, tokenizer, _ = model
    prompt = tokenizer.encode("The quick")
    expected = likeliest(module, prompt, 4)
    writes = scheduler(model, start=[], ends=[2])
    [chunks] = drive(writes, [Request(artifact="a", text="The quick", sampling=GREEDY)])
    assert [token for chunk in chunks for token in chunk.token_ids][:4] == expected
    new = next(i for i in range(1, 4) if expected[i] not in expected[:i])
    stops = scheduler(model, start=[], ends=[2, expected[new]])
    [chunks] = drive(stops, [Request(artifact="a", text="The quick", sampling=GREEDY)])
    assert [token for chunk in chunks for token in chunk.token_ids] == expected[:new]
    assert chunks[-1].finish_reason == "stop"


def test_a_conversation_passes_the_wire() -> None:
    asked = Request(artifact="a", text="b", history=("c", "d"))
    assert unpack_request(unpack(pack(pack_request(asked)))) == asked
