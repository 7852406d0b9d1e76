"""Marian, BART and T5 from Hugging Face folders: our networks answer as transformers does, our graphs as they do."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from modeling.errors import ConfigError
from modeling.export import assemble
from modeling.export.session import Session
from modeling.models import Bart
from modeling.models.t5 import T5
from tests.modeling.folders import SEQ2SEQ, shaken

NUMBERS = np.random.default_rng(0)
SOURCE, TARGET = NUMBERS.integers(3, 300, (2, 40)), NUMBERS.integers(3, 300, (2, 30))
LENGTHS = np.array([40, 23])


@pytest.fixture(scope="module", params=SEQ2SEQ)
def pair(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seq2seq")
    theirs = shaken(SEQ2SEQ[request.param]())
    if hasattr(theirs, "final_logits_bias"):
        theirs.final_logits_bias.normal_()
    theirs.save_pretrained(folder)
    kind = T5 if request.param.startswith("t5") else Bart
    return theirs, kind.from_folder(folder, context=64).eval().requires_grad_(False)


def test_logits_are_those_of_transformers(pair) -> None:
    theirs, ours = pair
    mask = torch.arange(40) < torch.from_numpy(LENGTHS)[:, None]
    expected = theirs(input_ids=torch.from_numpy(SOURCE), attention_mask=mask.long(),
                      decoder_input_ids=torch.from_numpy(TARGET)).logits
    found = ours(*map(torch.from_numpy, (SOURCE, LENGTHS, TARGET)))
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_the_graphs_write_what_the_network_does_with_several_hypotheses_of_a_source(pair, tmp_path) -> None:
    _, ours = pair
    artifact = assemble(tmp_path / "a", task="summarisation", model="bart", config=ours.config, state=ours.state_dict())
    encoder, decoder = Session(artifact.graph("encoder")), Session(artifact.graph("decoder"))
    expected = ours(*map(torch.from_numpy, (SOURCE, LENGTHS, TARGET))).numpy()
    mask = (np.arange(40) < LENGTHS[:, None]).astype(np.int32)
    names = [f"cross_{part}{layer}" for layer in range(2) for part in "kv"]
    cross = dict(zip(names, encoder.run({"input_ids": SOURCE, "attention_mask": mask}, names), strict=True))
    cache = decoder.cache(4, 64)
    rows = [0, 0, 1, 1]  # two hypotheses of each source, the second of which is two steps behind
    for step in range(12):
        places = np.array([step, max(0, step - 2), step, max(0, step - 2)])
        inputs = {**cross, "cross_mask": mask, "query_shape": np.array([2, 2, -1]),
                  "input_ids": TARGET[rows, places][:, None], "seqlens_k": places.astype(np.int32),
                  "total": np.array(places.max() + 1, np.int32)}
        logits, best = decoder.run(inputs, ["logits", "top_ids"], cache)
        wanted = expected[rows, places]
        assert np.abs(wanted - logits).max() < 5e-5
        assert (wanted.argmax(-1) == best[:, 0]).all()


def test_the_context_has_an_end(pair) -> None:
    _, ours = pair
    assert (ours.config.context, ours.config.target_context) == (64, 64)


def test_parts_that_the_network_does_not_have_are_refused(tmp_path) -> None:
    SEQ2SEQ["bart"]().save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    usual = json.loads(path.read_text())
    for change, message in (({"normalize_before": True}, "normalize_before True"),
                            ({"decoder_ffn_dim": 64}, "the same in both"), ({"d_model": 30}, "do not fit")):
        path.write_text(json.dumps(usual | change))
        with pytest.raises(ConfigError, match=message):
            Bart.from_folder(tmp_path)
    path.write_text(json.dumps(usual))
    with pytest.raises(ConfigError, match="up to 64 tokens"):
        Bart.from_folder(tmp_path, context=100)
