"""The engine's process: a LocalEngine behind a Unix socket.

`python -m modeling.inference.server --socket PATH --threads N [--preload DIR ...] [--roots DIR ...]`
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modeling.errors import EngineUnavailableError, ParleyError, RequestError
from modeling.inference import wire
from modeling.inference.engine import LocalEngine
from modeling.inference.request import Stream

log = logging.getLogger(__name__)
MAX_STREAMS = 256  # at once from one peer


class Peer:
    """One connection. What it asked for ends with it."""

    def __init__(self, engine: LocalEngine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.engine, self.reader, self.writer = engine, reader, writer
        self.streams: dict[int, Stream | None] = {}  # None: being submitted
        self.unwanted: set[int] = set()  # cancelled while they were
        self.tasks: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Read messages until the peer hangs up or sends what is no message."""
        try:
            while line := await self.reader.readline():
                await self._take(wire.unpack(line))
        except ValueError:
            await self._send_error(None, RequestError(f"A message is longer than {wire.LIMIT} bytes"))
        except RequestError as error:
            await self._send_error(None, error)
        except OSError:
            pass  # the peer went away
        finally:
            await self._leave()

    async def _take(self, message: dict[str, Any]) -> None:
        number, operation = message.get("id"), message.get("op")
        if not isinstance(number, int) or isinstance(number, bool):
            raise RequestError(f"The message has the id {number!r:.80}", allowed="An id is a number")
        if operation == "submit":
            await self._start(number, message.get("request"))
        elif operation == "cancel":
            if stream := self.streams.get(number):
                await stream.cancel()
            elif number in self.streams:
                self.unwanted.add(number)
        elif operation == "stats":
            await self._send({"id": number, "stats": await self.engine.stats()})
        else:
            await self._send_error(number, RequestError(f"There is no operation {operation!r:.80}",
                                                        allowed="Operations are submit, cancel and stats"))

    async def _start(self, number: int, content: object) -> None:
        if number in self.streams or len(self.streams) >= MAX_STREAMS:
            await self._send_error(number, RequestError(f"The request {number} is one too many", allowed=f"Up to "
                                                        f"{MAX_STREAMS} at once, each with its own id"))
            return
        self.streams[number] = None
        task = asyncio.create_task(self._answer(number, content))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer(self, number: int, content: object) -> None:
        """Submit a request and pass its chunks on, until the last one or until the peer is gone."""
        stream: Stream | None = None
        try:
            stream = self.streams[number] = await self.engine.submit(wire.unpack_request(content))
            if number in self.unwanted:
                await stream.cancel()
            await self._send({"id": number, "accepted": True})
            async for chunk in stream:
                await self._send({"id": number, "chunk": wire.pack_chunk(chunk)})
        except ParleyError as error:
            await self._send_error(number, error)
        except Exception:
            log.exception("request %s failed", number)
            await self._send_error(number, RequestError("The model cannot be used", remedy="Choose another one"))
        finally:
            self.unwanted.discard(number)
            del self.streams[number]
            if stream:
                await stream.cancel()

    async def _send_error(self, number: int | None, error: ParleyError) -> None:
        await self._send({"id": number, "error": wire.pack_error(error)})

    async def _send(self, message: dict[str, Any]) -> None:
        """Write, and wait while the peer does not read: its chunks pile up as one in the stream."""
        self.writer.write(wire.pack(message))
        with contextlib.suppress(OSError):
            await self.writer.drain()

    async def _leave(self) -> None:
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.writer.close()


async def serve(path: Path, engine: LocalEngine, preload: Sequence[Path] = ()) -> None:
    """Serve until SIGTERM or SIGINT. Raises EngineUnavailableError when another engine has the socket."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    _remove_dead_socket(path)
    peers: set[asyncio.Task[Any]] = set()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        peers.add(task)
        task.add_done_callback(peers.discard)
        with contextlib.suppress(asyncio.CancelledError):
            await Peer(engine, reader, writer).serve()

    mask = os.umask(0o177)  # only this user can connect
    server = await asyncio.start_unix_server(welcome, path, limit=wire.LIMIT)
    os.umask(mask)
    log.info("The engine listens on %s", path)
    for artifact in preload:
        await _preload(engine, artifact)
    await stop.wait()
    server.close()
    for task in list(peers):
        task.cancel()
    await asyncio.gather(*peers, return_exceptions=True)
    path.unlink(missing_ok=True)


async def _preload(engine: LocalEngine, artifact: Path) -> None:
    try:
        await engine.preload(artifact)
    except ParleyError as error:
        log.warning("%s was not loaded: %s", artifact, error)


def _remove_dead_socket(path: Path) -> None:
    """Remove what a killed engine left behind. Raises EngineUnavailableError when it is alive or no socket."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        return
    if not path.is_socket():
        raise EngineUnavailableError(f"{path} is not a socket", remedy="Choose another path for the engine")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise EngineUnavailableError(f"Another engine is running on {path}", remedy="Stop it first")


async def _run(arguments: argparse.Namespace) -> None:
    roots = [*arguments.roots, *arguments.preload]
    async with LocalEngine(threads=arguments.threads, roots=roots, max_models=arguments.models,
                           max_waiting=arguments.waiting) as engine:  # fmt: skip
        await serve(arguments.socket, engine, arguments.preload)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m modeling.inference.server", description="Run the engine.")
    parser.add_argument("--socket", type=Path, required=True, help="where to listen")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="CPU threads of a model")
    parser.add_argument("--preload", type=Path, nargs="*", default=[], help="artifacts to load at the start")
    parser.add_argument("--roots", type=Path, nargs="*", default=[], help="folders of artifacts and documents")
    parser.add_argument("--models", type=int, default=8, help="models in memory at most")
    parser.add_argument("--waiting", type=int, default=64, help="requests that wait for a model at most")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s engine %(levelname)s %(message)s", stream=sys.stderr)
    try:
        asyncio.run(_run(parser.parse_args()))
    except ParleyError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
