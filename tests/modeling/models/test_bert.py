from pathlib import Path

import pytest
import torch
from transformers import BertConfig as TheirConfig
from transformers import BertForQuestionAnswering

from modeling.errors import ConfigError
from modeling.models import BertReader


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = TheirConfig(**sizes, intermediate_size=48, max_position_embeddings=40, initializer_range=0.2)
    BertForQuestionAnswering(config).save_pretrained(tmp_path, safe_serialization=True)
    return tmp_path


def test_a_reader_answers_as_transformers_does(folder: Path) -> None:
    ids = torch.randint(5, 50, (3, 20))
    types = (torch.arange(20) > 6).long().expand(3, -1)
    lengths = torch.tensor([20, 13, 9])
    mask = (torch.arange(20) < lengths[:, None]).long()
    with torch.no_grad():
        theirs = BertForQuestionAnswering.from_pretrained(folder).eval()(ids, mask, types)
        start, end = BertReader.from_folder(folder).eval()(ids, types, lengths)
    real = mask.bool()
    assert torch.allclose(start[real], theirs.start_logits[real], atol=1e-5)
    assert torch.allclose(end[real], theirs.end_logits[real], atol=1e-5)


def test_padding_does_not_change_an_answer(folder: Path) -> None:
    reader = BertReader.from_folder(folder).eval()
    ids, types = torch.randint(5, 50, (1, 12)), torch.zeros(1, 12, dtype=torch.long)
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
