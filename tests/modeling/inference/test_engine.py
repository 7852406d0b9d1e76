"""The engine as a whole: queue, models in memory, faults."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from modeling.artifact import Artifact
from modeling.errors import ArtifactError, EngineBusyError, RequestError
from modeling.inference import Chunk, Request, SamplingParams, Stream
from modeling.inference.engine import LocalEngine
from modeling.inference.generation import GenerationScheduler
from modeling.inference.models import SLOTS

Collect = Callable[[Stream], Awaitable[list[Chunk]]]


def endless(path: Path, **fields: object) -> Request:
    return Request(artifact=str(path), text="The", sampling=SamplingParams(temperature=3, max_tokens=4000), **fields)  # type: ignore[arg-type]


async def test_a_full_queue_says_so_at_once_with_a_time(writer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SLOTS, "generation", 2)
    async with LocalEngine(threads=1, max_waiting=3) as engine:
        streams = []
        with pytest.raises(EngineBusyError) as caught:
            for _ in range(20):
                streams.append(await engine.submit(endless(writer)))
        assert 3 <= len(streams) <= 8
        assert caught.value.retry_after >= 1
        for stream in streams:
            await stream.cancel()


def test_a_higher_priority_goes_first(writer: Path) -> None:
    scheduler = GenerationScheduler(Artifact.load(writer), threads=1, device="cpu", slots=1, max_waiting=9)
    ended: list[str] = []
    for name, priority in (("background", -1), ("normal", 0), ("urgent", 1), ("second", 0)):
        job = scheduler.prepare(endless(writer, priority=priority))
        job.emit = lambda chunk, name=name: ended.append(name) if chunk.finish_reason else None  # type: ignore[misc]
        scheduler.add(job)
    while scheduler.step():
        pass
    assert ended == ["urgent", "normal", "second", "background"]


def test_who_waits_hears_the_place_in_the_queue(writer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modeling.inference.scheduler.PATIENCE", 0.0)
    scheduler = GenerationScheduler(Artifact.load(writer), threads=1, device="cpu", slots=1, max_waiting=9)
    heard: list[Chunk] = []
    for emit in (lambda chunk: None, lambda chunk: None, heard.append):
        job = scheduler.prepare(endless(writer))
        job.emit = emit
        scheduler.add(job)
    while scheduler.step():
        pass
    assert [chunk.result for chunk in heard if chunk.stage == "queued"] == [{"place": 3}, {"place": 2}, {"place": 1}]


async def test_a_deadline_ends_what_nobody_waits_for_any_more(engine: LocalEngine, writer: Path,
                                                              collect: Collect) -> None:
    chunks = await collect(await engine.submit(endless(writer, deadline=0.0)))
    assert chunks[-1].finish_reason == "error"
    assert "in time" in (chunks[-1].error or "")


async def test_an_unknown_or_altered_artifact_is_refused(engine: LocalEngine, writer: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no model"):
        await engine.submit(endless(tmp_path / "nothing"))
    shutil.copytree(writer, tmp_path / "altered")
    weights = bytearray((tmp_path / "altered/weights.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "altered/weights.safetensors").write_bytes(weights)
    with pytest.raises(ArtifactError, match="altered"):
        await engine.submit(endless(tmp_path / "altered"))


async def test_only_what_lies_below_the_roots_is_served(writer: Path, reader: Path, documents: Path,
                                                       tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(writer)
    async with LocalEngine(threads=1, roots=[tmp_path, reader]) as engine:
        for path in (writer, tmp_path / "link", tmp_path / ".." / writer.name):
            with pytest.raises(RequestError, match="not in a folder"):
                await engine.submit(endless(path))
        with pytest.raises(RequestError, match="not in a folder"):
            await engine.submit(Request(artifact=str(reader), text="x", documents=(str(documents),)))


async def test_the_longest_idle_model_makes_room(writer: Path, classifier: Path, summariser: Path,
                                                 collect: Collect) -> None:
    async with LocalEngine(threads=1, max_models=2) as engine:
        for path in (classifier, summariser, classifier, writer):
            await collect(await engine.submit(endless(path)))
        loaded = [model["name"] for model in (await engine.stats())["models"]]
        assert loaded == ["classifier", "writer"]


async def test_a_model_at_work_is_not_unloaded(writer: Path, classifier: Path) -> None:
    async with LocalEngine(threads=1, max_models=1) as engine:
        streams = [await engine.submit(endless(writer)) for _ in range(20)]
        with pytest.raises(EngineBusyError, match="1 models are at work"):
            await engine.submit(endless(classifier))
        for stream in streams:
            await stream.cancel()


async def test_a_replaced_artifact_is_loaded_anew(engine: LocalEngine, classifier: Path, tmp_path: Path,
                                                  collect: Collect) -> None:
    shutil.copytree(classifier, tmp_path / "model")
    await collect(await engine.submit(endless(tmp_path / "model")))
    before = engine.models.all()[0]
    (tmp_path / "model/manifest.json").touch()
    await collect(await engine.submit(endless(tmp_path / "model")))
    assert [model is before for model in engine.models.all()] == [False]


async def test_a_model_that_breaks_ends_its_streams_and_works_again(engine: LocalEngine, classifier: Path,
                                                                    collect: Collect) -> None:
    await collect(await engine.submit(endless(classifier)))

    def broken(batch: object) -> None:
        raise RuntimeError("out of memory")

    engine.models.all()[0].scheduler.run = broken  # type: ignore[method-assign,assignment]
    (chunk,) = await collect(await engine.submit(endless(classifier)))
    assert chunk.finish_reason == "error"
    assert "out of memory" not in (chunk.error or "")
    assert (await collect(await engine.submit(endless(classifier))))[-1].finish_reason == "stop"


async def test_stats_tell_what_runs(engine: LocalEngine, writer: Path) -> None:
    streams = [await engine.submit(endless(writer)) for _ in range(4)]
    async for _ in streams[0]:
        break
    stats = await engine.stats()
    assert "CPUExecutionProvider" in stats["providers"]
    assert stats["versions"]["onnxruntime"]
    (model,) = stats["models"]
    assert model["task"] == "generation"
    assert model["steps"] > 0
    assert sum(model["batch_histogram"].values()) <= model["steps"]
    for stream in streams:
        await stream.cancel()


async def test_leaving_ends_what_still_runs(writer: Path, collect: Collect) -> None:
    async with LocalEngine(threads=1) as engine:
        streams = [await engine.submit(endless(writer)) for _ in range(40)]
    ends = {(await collect(stream))[-1].finish_reason for stream in streams}
    assert ends <= {"error", "stop", "length"}


@pytest.mark.gpu
async def test_generation_and_translation_run_on_a_gpu(writer: Path, translator: Path, collect: Collect) -> None:
    async with LocalEngine(device="cuda") as engine:
        assert (await engine.stats())["providers"][0] == "CUDAExecutionProvider"
        streams = [await engine.submit(endless(writer)) for _ in range(8)]
        streams.append(await engine.submit(Request(artifact=str(translator), text="The fox. The dog.",
                                                   source_language="en", target_language="fr")))
        for stream in streams:
            chunks = await collect(stream)
            assert chunks[-1].finish_reason in ("stop", "length")
            assert any(chunk.text for chunk in chunks)
