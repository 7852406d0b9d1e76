"""`embed` and `vectors`, as people call them."""

from __future__ import annotations

import json

import pytest

from modeling.__main__ import main
from tests.modeling.embeddings.conftest import sentences


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli")
    rows = [{"text": line, "label": "neverlabel"} for line in sentences(400)]
    (out / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main(["embed", str(out / "rows.jsonl"), "--out", str(out / "v"), "--set", "dimensions=16", "epochs=8",
                 "learning_rate=0.1", "threads=1"]) == 0
    return out / "v"


def test_a_file_of_rows_becomes_vectors_and_answers(folder, capsys):
    assert main(["vectors", str(folder), "--nearest", "cow", "--analogy", "ship", "wave", "moon", "--count", "3"]) == 0
    shown = capsys.readouterr().out
    assert "16 dimensions, by skipgram" in shown and any(word in shown for word in ("barn", "hen", "field"))
    assert main(["vectors", str(folder), "--nearest", "neverlabel"]) == 2


def test_vectors_go_out_and_come_back(folder, tmp_path):
    out, back, picture = tmp_path / "v.bin", tmp_path / "back", tmp_path / "map.svg"
    assert main(["vectors", str(folder), "--export", str(out), "--format", "word2vec-binary",
                 "--map", str(picture), "--most", "10", "--projection", "pca"]) == 0
    assert main(["vectors", str(out), "--import", str(back)]) == 0
    assert (back / "vectors.json").exists() and picture.read_text().startswith("<svg")


def test_what_cannot_be_is_said(folder, tmp_path, capsys):
    assert main(["embed", "nowhere.txt", "--out", str(tmp_path / "v")]) == 2
    assert main(["embed", str(folder), "--out", str(tmp_path / "v"), "--set", "window=0"]) == 2
    assert "window" in capsys.readouterr().err
