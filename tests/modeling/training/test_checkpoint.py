from pathlib import Path

import torch

from modeling.training.checkpoint import load_checkpoint, save_checkpoint


def test_a_checkpoint_comes_back_and_only_two_are_kept(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, {"weight": torch.full((2,), float(step))}, {"step": step})
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None
    assert loaded[0]["weight"].tolist() == [3.0, 3.0]
    assert loaded[1] == {"step": 3}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]


def test_a_damaged_checkpoint_falls_back_to_the_one_before(tmp_path: Path) -> None:
    for step in (1, 2):
        save_checkpoint(tmp_path, step, {"weight": torch.ones(2)}, {"step": step})
    file = tmp_path / "step-00000002" / "tensors.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x00")
    loaded = load_checkpoint(tmp_path)
    assert loaded is not None
    assert loaded[1] == {"step": 1}


def test_a_half_written_checkpoint_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / ".step-00000001.99").mkdir()
    (tmp_path / "step-00000001").mkdir()
    assert load_checkpoint(tmp_path) is None
