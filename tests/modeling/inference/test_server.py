"""The engine's process and the client: streams over a socket, a killed engine, bad messages."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modeling.errors import EngineUnavailableError, RequestError
from modeling.inference import Chunk, Request, SamplingParams, Stream, connect, wire
from modeling.inference.engine import LocalEngine

Collect = Callable[[Stream], Awaitable[list[Chunk]]]


@pytest.fixture(scope="module")
def socket_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:  # short: a socket's path has 100 characters at most
        yield Path(folder) / "engine.sock"


@contextmanager
def running(path: Path, roots: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "modeling.inference.server", "--socket", str(path), "--threads", "1", "--roots"]
    process = subprocess.Popen([*command, str(roots)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server(socket_path: Path, models_folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running(socket_path, models_folder) as process:
        yield process


@pytest.fixture
async def peer(server: object, socket_path: Path) -> AsyncIterator[Callable[[bytes], Awaitable[bytes]]]:
    """Send bytes to the engine as they are and read the line that comes back."""
    await _answers(socket_path)
    reader, writer = await asyncio.open_unix_connection(socket_path)

    async def send(content: bytes) -> bytes:
        writer.write(content)
        async with asyncio.timeout(10):
            return await reader.readline()

    yield send
    writer.close()


async def _answers(path: Path) -> None:
    """Wait until there is an engine."""
    client = await connect(path)
    async with asyncio.timeout(20):
        while True:
            try:
                await client.stats()
                return
            except EngineUnavailableError:
                await asyncio.sleep(0.05)
            finally:
                await client.aclose()  # type: ignore[attr-defined]


def story(path: Path, **sampling: object) -> Request:
    settings = {"temperature": 1.5, "max_tokens": 300, "seed": 1} | sampling
    return Request(artifact=str(path), text="The", sampling=SamplingParams(**settings))  # type: ignore[arg-type]


async def test_a_stream_over_the_socket_says_what_the_engine_says(
    server: object, socket_path: Path, writer: Path, engine: LocalEngine, collect: Collect
) -> None:
    await _answers(socket_path)
    client = await connect(socket_path)
    far, near = [await collect(await one.submit(story(writer))) for one in (client, engine)]
    assert "".join(chunk.text for chunk in far) == "".join(chunk.text for chunk in near)
    assert len(far) > 1
    assert [token for chunk in far for token in chunk.token_ids] == [t for chunk in near for t in chunk.token_ids]
    assert far[-1].finish_reason == near[-1].finish_reason
    assert (await client.stats())["models"][0]["name"] == "writer"


async def test_errors_come_over_the_socket_as_themselves(server: object, socket_path: Path, writer: Path) -> None:
    await _answers(socket_path)
    client = await connect(socket_path)
    with pytest.raises(RequestError, match="not in a folder"):
        await client.submit(story(Path("/etc")))
    with pytest.raises(RequestError, match="tokens") as caught:
        await client.submit(Request(artifact=str(writer), text="quick 春 " * 200))
    assert caught.value.remedy == "Shorten the text"


async def test_cancel_works_over_the_socket(server: object, socket_path: Path, writer: Path) -> None:
    await _answers(socket_path)
    client = await connect(socket_path)
    stream = await client.submit(story(writer, temperature=4, seed=3))
    last = None
    async for chunk in stream:
        last = chunk
        await stream.cancel()
    assert last is not None
    assert last.finish_reason in ("cancelled", "length", "stop")


async def test_a_peer_that_hangs_up_takes_its_streams_along(server: object, socket_path: Path, writer: Path) -> None:
    await _answers(socket_path)
    client, other = await connect(socket_path), await connect(socket_path)
    for seed in range(4):
        await client.submit(story(writer, temperature=4, seed=seed))
    await client.aclose()  # type: ignore[attr-defined]
    async with asyncio.timeout(5):
        while (await other.stats())["models"][0]["running"]:
            await asyncio.sleep(0.01)


async def test_kill_under_four_streams_ends_them_and_the_client_finds_the_next_engine(
    models_folder: Path, translator: Path, collect: Collect
) -> None:
    text = "The quick brown fox. " * 400
    request = Request(artifact=str(translator), text=text, source_language="en", target_language="fr")
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        path = Path(folder) / "engine.sock"
        with running(path, models_folder) as process:
            await _answers(path)
            client = await connect(path)
            streams = [await client.submit(request) for _ in range(4)]
            async for chunk in streams[0]:
                assert chunk.text
                break
            process.send_signal(signal.SIGKILL)
            for stream in streams:
                last = (await collect(stream))[-1]
                assert last.finish_reason == "error"
                assert "Ask again" in (last.error or "")
            with pytest.raises(EngineUnavailableError):
                await client.submit(request)
        with running(path, models_folder):
            await _answers(path)
            stream = await client.submit(request)
            async for chunk in stream:
                assert chunk.text
                break


async def test_no_engine_is_an_error_at_submit_and_not_at_connect(tmp_path: Path, writer: Path) -> None:
    client = await connect(tmp_path / "none.sock")
    with pytest.raises(EngineUnavailableError, match="not running"):
        await client.submit(story(writer))


@pytest.mark.parametrize("line", [b"nonsense", b"[1]", b'{"op": "stats"}', b'{"id": true, "op": "stats"}', b"\xff\xfe",
                                  b"[" * 100_000])
async def test_what_is_no_message_is_answered_and_ends_the_connection(
    peer: Callable[[bytes], Awaitable[bytes]], line: bytes
) -> None:
    assert json.loads(await peer(line + b"\n"))["error"]["kind"] == "request"
    assert await peer(b"") == b""


async def test_unknown_operations_and_keys_are_refused_and_the_connection_stays(
    peer: Callable[[bytes], Awaitable[bytes]]
) -> None:
    assert "no operation 'exec'" in json.loads(await peer(b'{"id": 1, "op": "exec"}\n'))["error"]["found"]
    for content in ({}, [], {"artifact": "x", "text": 1}, {"artifact": "x", "text": "y", "shell": "z"},
                    {"artifact": "x", "text": "y", "documents": "z"}, {"artifact": "x", "text": "y", "priority": True},
                    {"artifact": "x", "text": "y", "sampling": {"temperature": 9}},
                    {"artifact": "x", "text": "y", "sampling": {"stop": [1]}}):
        answer = json.loads(await peer(wire.pack({"id": 2, "op": "submit", "request": content})))
        assert answer["error"]["kind"] in ("request", "config"), content
    assert "stats" in json.loads(await peer(b'{"id": 3, "op": "stats"}\n'))


async def test_a_message_that_is_too_long_ends_the_connection(peer: Callable[[bytes], Awaitable[bytes]]) -> None:
    assert "longer than" in json.loads(await peer(b"x" * (wire.LIMIT + 10) + b"\n"))["error"]["found"]


def test_a_second_engine_on_the_same_socket_gives_way(
    server: object, socket_path: Path, models_folder: Path
) -> None:
    asyncio.run(_answers(socket_path))
    with running(socket_path, models_folder) as second:
        assert second.wait(timeout=20) == 2
    asyncio.run(_answers(socket_path))


async def test_a_submit_that_is_given_up_leaves_no_work_behind(server: object, socket_path: Path, writer: Path) -> None:
    await _answers(socket_path)
    client = await connect(socket_path)
    given_up = asyncio.create_task(client.submit(story(writer, temperature=4, seed=5)))
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    async with asyncio.timeout(5):
        while any(model["running"] for model in (await client.stats())["models"]):
            await asyncio.sleep(0.01)


async def test_a_text_that_no_message_can_hold_is_refused_before_it_is_sent(
    server: object, socket_path: Path, writer: Path
) -> None:
    await _answers(socket_path)
    client = await connect(socket_path)
    with pytest.raises(RequestError, match="too long"):
        await client.submit(Request(artifact=str(writer), text="x" * wire.LIMIT))
    assert await client.stats()


async def test_an_id_that_is_in_use_is_refused(peer: Callable[[bytes], Awaitable[bytes]], writer: Path) -> None:
    request = wire.pack_request(story(writer, temperature=4))
    line = wire.pack({"id": 5, "op": "submit", "request": request})
    assert "one too many" in (await peer(line + line)).decode()


def test_a_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path, models_folder: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with running(tmp_path / "notes.txt", models_folder) as process:
        assert process.wait(timeout=20) == 2
    assert (tmp_path / "notes.txt").read_text() == "mine"
