"""The Engine over its socket. Connects when it is first needed and again after the engine came back."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from modeling.errors import EngineUnavailableError, RequestError
from modeling.inference import wire
from modeling.inference.request import Chunk, Request

log = logging.getLogger(__name__)
_REMEDY = "Try again in a few seconds"
GONE = Chunk(finish_reason="error",
             error="The engine stopped in the middle of this answer. Ask again in a few seconds.")


async def connect(socket_path: str | Path) -> EngineClient:
    """An Engine in another process. Does not fail when there is none yet: `submit` does.

    It belongs to the running event loop. One connection carries all streams.
    """
    return EngineClient(Path(socket_path))


class EngineClient:
    """Implements Engine over a Unix socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()

    async def submit(self, request: Request) -> ClientStream:
        """Queue a request; see Engine.submit."""
        connection = await self._connected()
        stream = ClientStream(connection)
        await connection.ask(stream, {"op": "submit", "id": stream.id, "request": wire.pack_request(request)})
        return stream

    async def stats(self) -> dict[str, Any]:
        """What the engine is doing. Raises EngineUnavailableError."""
        connection = await self._connected()
        call = ClientStream(connection)
        answer = await connection.ask(call, {"op": "stats", "id": call.id})
        return dict(answer["stats"])

    async def aclose(self) -> None:
        """Hang up; the engine cancels what is still running for this client."""
        if self._connection:
            await self._connection.aclose()

    async def _connected(self) -> _Connection:
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                try:
                    reader, writer = await asyncio.open_unix_connection(self.path, limit=wire.LIMIT)
                except OSError as error:
                    raise EngineUnavailableError("The engine is not running", remedy=_REMEDY) from error
                self._connection = _Connection(reader, writer)
            return self._connection


class _Connection:
    """One socket: writes questions, and hands what comes back to the streams by their number."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer, self.closed = writer, False
        self.numbers = itertools.count(1)
        self.streams: dict[int, ClientStream] = {}
        self._listener = asyncio.create_task(self._listen(reader))

    async def ask(self, stream: ClientStream, message: dict[str, Any]) -> dict[str, Any]:
        """Send a message and wait for its first answer; raise the error that it may be."""
        self.streams[stream.id] = stream
        try:
            await self.send(message)
            answer = await stream.first
        except BaseException as error:
            self.streams.pop(stream.id, None)
            if isinstance(error, asyncio.CancelledError):  # nobody will listen: the engine need not work
                self.writer.write(wire.pack({"op": "cancel", "id": stream.id}))
            raise
        if "stats" in answer or "error" in answer:
            self.streams.pop(stream.id, None)
        if "error" in answer:
            raise wire.unpack_error(answer["error"])
        return answer

    async def send(self, message: dict[str, Any]) -> None:
        line = wire.pack(message)
        if len(line) > wire.LIMIT:
            raise RequestError("The text is too long", allowed=f"Up to {wire.LIMIT:,} bytes", remedy="Shorten the text")
        try:
            self.writer.write(line)
            await self.writer.drain()
        except OSError as error:
            raise EngineUnavailableError("The engine went away", remedy=_REMEDY) from error

    async def aclose(self) -> None:
        self.closed = True
        self.writer.close()
        await asyncio.wait([self._listener])

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._deliver(wire.unpack(line))
        except Exception as error:  # whatever broke the connection, the streams have to hear of it
            log.warning("The connection to the engine broke: %s", error)
        finally:
            self.closed = True
            self.writer.close()
            for stream in list(self.streams.values()):
                stream.broken()
            self.streams.clear()

    def _deliver(self, message: dict[str, Any]) -> None:
        stream = self.streams.get(message.get("id", -1))
        if stream is None:
            return
        if "chunk" in message:
            chunk = wire.unpack_chunk(message["chunk"])
            stream.chunks.put_nowait(chunk)
            if chunk.finish_reason:
                del self.streams[stream.id]
        elif not stream.first.done():
            stream.first.set_result(message)


class ClientStream:
    """Implements Stream. An engine that dies ends it with finish_reason "error"."""

    def __init__(self, connection: _Connection) -> None:
        self.id = next(connection.numbers)
        self.first: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.chunks: asyncio.Queue[Chunk] = asyncio.Queue()
        self._connection = connection
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        while not self._ended:
            chunk = await self.chunks.get()
            self._ended = chunk.finish_reason is not None
            yield chunk

    async def cancel(self) -> None:
        """Ask the engine to stop; the stream still ends with its last chunk."""
        if self.id in self._connection.streams:
            with suppress(EngineUnavailableError):  # then it has stopped already
                await self._connection.send({"op": "cancel", "id": self.id})

    def broken(self) -> None:
        """The connection is gone."""
        if not self.first.done():
            self.first.set_exception(EngineUnavailableError("The engine went away", remedy=_REMEDY))
        self.chunks.put_nowait(GONE)
