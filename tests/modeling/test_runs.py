"""A run's folder passes from one attempt to the next."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from modeling import runs
from modeling.runs import carry_over, run_folder, stop_asked, verified


def checkpoint(folder: Path, step: int, content: str) -> Path:
    path = folder / "checkpoint" / f"step-{step:08d}"
    path.mkdir(parents=True)
    (path / "tensors.safetensors").write_text(content)
    digest = hashlib.sha256(content.encode()).hexdigest()
    (path / "manifest.json").write_text(json.dumps({"step": step, "sha256": {"tensors.safetensors": digest}}))
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = run_folder(tmp_path / "1" / "artifact")
    checkpoint(folder, 10, "ten")
    checkpoint(folder, 20, "twenty")
    (folder / "run.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    return folder


def snapshot(folder: Path) -> dict[str, tuple[bytes, float]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime) for path in folder.rglob("*") if path.is_file()}


def test_the_newest_whole_checkpoint_comes_along_and_the_old_folder_stays_as_it_was(old: Path, tmp_path: Path) -> None:
    new = run_folder(tmp_path / "2" / "artifact")
    before = snapshot(old)
    assert carry_over(old, new) == 20
    assert snapshot(old) == before
    assert [path.name for path in (new / "checkpoint").iterdir()] == ["step-00000020"]
    assert (new / "tokenizer.json").read_text() == "{}"


def test_a_damaged_one_is_passed_over(old: Path, tmp_path: Path) -> None:
    (old / "checkpoint" / "step-00000020" / "tensors.safetensors").write_text("twentY")
    assert carry_over(old, tmp_path / "new.run") == 10
    shutil.rmtree(old / "checkpoint" / "step-00000010")
    assert carry_over(old, tmp_path / "newer.run") is None
    assert (tmp_path / "newer.run" / "tokenizer.json").exists()


def test_what_the_old_writer_does_afterwards_changes_nothing_in_the_new_folder(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.run"
    carry_over(old, new)
    shutil.rmtree(old / "checkpoint")
    draft = checkpoint(old, 20, "other")
    assert verified(draft)
    (old / "run.json").write_text("changed")
    assert (new / "checkpoint" / "step-00000020" / "tensors.safetensors").read_text() == "twenty"
    assert (new / "run.json").read_text() == "{}"


def test_a_checkpoint_that_the_old_writer_removes_meanwhile_is_passed_over(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = runs._link

    def vanishing(source: str, target: str) -> None:
        if "00000020" in source:
            shutil.rmtree(old / "checkpoint" / "step-00000020", ignore_errors=True)
        link(source, target)

    monkeypatch.setattr(runs, "_link", vanishing)
    assert carry_over(old, tmp_path / "new.run") == 10
    assert [path.name for path in (tmp_path / "new.run" / "checkpoint").iterdir()] == ["step-00000010"]


def test_where_there_are_no_links_files_are_copied(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(source: str, target: str) -> None:
        raise OSError("not permitted")

    monkeypatch.setattr("os.link", refused)
    assert carry_over(old, tmp_path / "new.run") == 20


def test_the_wish_to_stop_comes_along_and_nothing_comes_of_nothing(old: Path, tmp_path: Path) -> None:
    assert not stop_asked(old)
    (old.parent / "stop").touch()
    carry_over(old, tmp_path / "2" / "artifact.run")
    assert stop_asked(tmp_path / "2" / "artifact.run")
    assert carry_over(tmp_path / "nowhere.run", tmp_path / "new.run") is None
    assert not (tmp_path / "new.run").exists()


def test_it_needs_no_torch() -> None:
    code = "import sys; import modeling.runs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
