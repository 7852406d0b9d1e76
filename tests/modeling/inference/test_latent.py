"""A sentence autoencoder in the engine: its three modes, line by line, in the running batch of all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from modeling.artifact import Artifact
from modeling.errors import ConfigError, RequestError
from modeling.inference import Chunk, Latent, Request, SamplingParams
from modeling.inference.latent import LatentScheduler, between
from modeling.inference.wire import pack_request, unpack_request

Ask = Callable[[Request], Awaitable[list[Chunk]]]
GREEDY = SamplingParams(temperature=0, max_tokens=6, seed=3)


def asked(folder: Path, text: str = "", sampling: SamplingParams = GREEDY, **latent: object) -> Request:
    return Request(artifact=str(folder), text=text, sampling=sampling, latent=Latent(**latent) if latent else None)  # type: ignore[arg-type]


def lines_of(chunks: list[Chunk]) -> list[str]:
    assert chunks[-1].finish_reason in ("stop", "length"), chunks[-1].error
    return "".join(chunk.text for chunk in chunks).split("\n")


async def test_sentences_are_drawn_from_the_prior_and_a_seed_draws_them_again(ask: Ask, autoencoder: Path) -> None:
    first = lines_of(await ask(asked(autoencoder, mode="sample", lines=5)))
    assert len(first) == 5 and len(set(first)) > 1
    assert lines_of(await ask(asked(autoencoder, mode="sample", lines=5))) == first
    other = SamplingParams(temperature=0, max_tokens=6, seed=4)
    assert lines_of(await ask(asked(autoencoder, sampling=other, mode="sample", lines=5))) != first


async def test_the_way_between_two_sentences_begins_and_ends_with_their_reconstructions(
    ask: Ask, autoencoder: Path
) -> None:
    ends = [lines_of(await ask(asked(autoencoder, text)))[0] for text in ("The quick fox", "Nobody knows.")]
    for path in ("spherical", "linear"):
        way = lines_of(await ask(asked(autoencoder, "The quick fox", mode="interpolate", second="Nobody knows.",
                                       lines=6, path=path)))  # fmt: skip
        assert len(way) == 6 and [way[0], way[-1]] == ends


async def test_each_line_is_the_same_alone_and_beside_others(ask: Ask, autoencoder: Path) -> None:
    requests = [asked(autoencoder, mode="sample", lines=lines) for lines in (3, 7, 2)]
    requests.append(asked(autoencoder, "How many words are there?"))
    alone = [lines_of(await ask(request)) for request in requests]
    assert [lines_of(chunks) for chunks in await asyncio.gather(*map(ask, requests))] == alone


async def test_lines_come_one_by_one(ask: Ask, autoencoder: Path) -> None:
    scheduler = LatentScheduler(Artifact.load(autoencoder), threads=1, device="cpu", slots=2, max_waiting=2)
    job, chunks = scheduler.prepare(asked(autoencoder, mode="sample", lines=3)), list[Chunk]()
    job.emit = chunks.append
    scheduler.add(job)
    while scheduler.step():
        pass
    assert sum("\n" in chunk.text for chunk in chunks) == 2 and len(chunks) > 4


def test_the_way_along_the_arc_keeps_its_distance_from_the_middle() -> None:
    first, second = np.float32([3, 0, 0]), np.float32([0, 3, 0])
    arc, line = (between(first, second, 5, path) for path in ("spherical", "linear"))
    assert np.allclose(np.linalg.norm(arc, axis=1), 3, atol=1e-5)
    assert np.allclose(line[2], [1.5, 1.5, 0]) and np.allclose(arc[[0, -1]], line[[0, -1]], atol=1e-6)
    assert np.allclose(between(first, first, 4, "spherical"), first)


async def test_what_cannot_be_read_is_said(ask: Ask, autoencoder: Path) -> None:
    with pytest.raises(RequestError, match="empty"):
        await ask(asked(autoencoder, " "))
    with pytest.raises(RequestError, match="tokens"):
        await ask(asked(autoencoder, "dog " * 50))
    with pytest.raises(ConfigError, match="lines"):
        Latent(lines=1)


def test_a_request_with_its_mode_survives_the_wire(autoencoder: Path) -> None:
    request = asked(autoencoder, "a", mode="interpolate", second="b", lines=4, path="linear")
    assert unpack_request(json.loads(json.dumps(pack_request(request)))) == request
