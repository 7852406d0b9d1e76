"""Another version answers from the next question on; what is being written goes on with the one it began with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from scripted import ScriptedEngine

from tests.webapp.assistants.folders import write
from webapp.assistants import services
from webapp.assistants.models import Assistant
from webapp.chat.models import Message
from webapp.training.models import Artifact
from webapp.training.services import register_artifact

LONG = " ".join(f"word{n}" for n in range(120))


def artifacts(folder: Path) -> tuple[Artifact, Artifact]:
    """Two versions of a model; the engine answers by the name of the folder."""
    old, new = (register_artifact(path=write(folder / name / "generation", task="generation"), owner=None,
                                  origin="training") for name in ("old", "new"))
    services.promote(assistant=Assistant.objects.get(slug="generation"), artifact=old, by=None)
    return old, new


async def test_an_answer_on_its_way_is_not_disturbed_and_the_next_one_is_the_new_versions(
    open_page: Callable[..., Any], engine: ScriptedEngine, tmp_path: Path,
) -> None:
    old, new = await sync_to_async(artifacts)(tmp_path)
    assistant = await Assistant.objects.aget(slug="generation")
    page = await open_page()
    await page.ask(LONG)
    await page.until("beforeend:#m")
    await sync_to_async(services.promote)(assistant=assistant, artifact=new, by=None)
    await page.until('data-state="done"')
    await page.ask("and now?")
    await page.until('data-state="done"')
    assert [request.artifact for request in engine.requests] == [old.path, new.path]
    answers = [one async for one in Message.objects.filter(role="assistant").select_related("version")]
    assert [(one.text, one.version.number) for one in answers] == [(LONG, 1), ("and now?", 2)]
    assert answers[0].conversation_id == answers[1].conversation_id == page.id
