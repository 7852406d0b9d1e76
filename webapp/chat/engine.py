"""The engine as the chat sees it: one connection for the process, made when the first question comes."""

from __future__ import annotations

from django.conf import settings

from modeling.inference import Engine, connect

_engine: Engine | None = None


async def engine() -> Engine:
    """The engine. Raises EngineUnavailableError where none answers."""
    global _engine
    if _engine is None:
        _engine = await connect(settings.ENGINE_SOCKET)
    return _engine


def use(other: Engine | None) -> None:
    """Answer with this engine from now on; None goes back to the one at the socket."""
    global _engine
    _engine = other
