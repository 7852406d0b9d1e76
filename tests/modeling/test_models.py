"""Every model goes the whole way: it trains, it is exported and proved equal, it answers through the engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modeling.configs import MODELS
from modeling.export.parity import TOLERANCE
from modeling.inference import Request, SamplingParams
from modeling.inference.engine import LocalEngine
from modeling.retrieval import PassageIndex
from modeling.training import Request as Training
from modeling.training import train
from tests.modeling.tiny import TINY, vectors_folder

ENTRIES = [(task, model) for task, models in MODELS.items() for model in models]


@pytest.mark.parametrize(("task", "model"), ENTRIES)
async def test_a_model_trains_is_proved_equal_and_answers(task: str, model: str, tmp_path: Path) -> None:
    tiny = TINY[task, model]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in tiny.rows))
    (tmp_path / "parent").mkdir()
    vectors = {"vectors": str(vectors_folder(tmp_path))} if tiny.vectors else {}
    artifact = train(Training(
        task=task, model=model, data=[tmp_path / "rows.jsonl"], out=tmp_path / "model", storage="fp32",
        settings={**tiny.common, **tiny.settings, **vectors},
        parent=tiny.parent(tmp_path / "parent") if tiny.parent else None,
    ))
    parity = artifact.manifest["parity"]
    assert parity["rows"] > 0 and parity["max_difference"] <= TOLERANCE and parity["differing"] == 0
    PassageIndex.build([("d", "red", "The red stands on the stone.")]).save(tmp_path / "documents")
    asked = Request(artifact=str(artifact.path), sampling=SamplingParams(temperature=0, max_tokens=8, beam=2),
                    documents=(str(tmp_path / "documents"),) if task == "question-answering" else (), **tiny.question)
    async with LocalEngine(threads=1) as engine:
        chunks = [chunk async for chunk in await engine.submit(asked)]
    assert chunks[-1].finish_reason in ("stop", "length"), chunks[-1].error
    assert "".join(chunk.text for chunk in chunks).strip() or chunks[-1].result
