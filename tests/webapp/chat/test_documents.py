"""Documents that visitors add: kept apart, read in a child, answered from."""

from __future__ import annotations

import asyncio
import stat
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client

from webapp.assistants import documents
from webapp.assistants.documents import TOO_SLOW
from webapp.chat.models import Document

HERON = b"# The heron\n\nThe grey heron is a long-legged bird. It stands about one metre tall.\n"
OpenPage = Callable[..., Any]


async def add(client: Client, conversation_id: uuid.UUID, name: str, content: bytes, **fields: str) -> str:
    """Send a file as the page does, on the loop that the page's socket lives on."""
    browser = AsyncClient()
    browser.cookies = client.cookies
    response = await browser.post(f"/c/{conversation_id}/documents/", {
        "file": SimpleUploadedFile(name, content), "assistant": "question-answering"} | fields)
    return response.content.decode()


async def settled(document_id: Any = None) -> Document:
    async with asyncio.timeout(20):
        while (document := await Document.objects.alast()).state == "reading":
            await asyncio.sleep(0.05)
    return document


async def test_a_document_is_read_and_answers_come_from_it_with_the_place_marked(open_page: OpenPage) -> None:
    page = await open_page()
    assert 'data-state="reading"' in await add(page.client, page.id, "heron.md", HERON)
    assert "1 passage" in await page.until('data-state="ready"', timeout=20)
    await page.ask("What is the grey heron?", "question-answering")
    assert "<mark>a long-legged bird</mark>" in await page.until('data-state="done"')


async def test_a_question_waits_for_a_document_that_is_still_being_read(open_page: OpenPage) -> None:
    page = await open_page()
    await add(page.client, page.id, "heron.md", HERON)
    await page.ask("What is the grey heron?", "question-answering")
    assert "<mark>a long-legged bird</mark>" in await page.until("<mark>", timeout=20)


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("blank.txt", b"  \n ", "has no text"),
    ("broken.pdf", b"%PDF-1.4 nonsense", "damaged"),
    ("picture.txt", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", "It is"),
])
async def test_what_cannot_be_read_says_why(open_page: OpenPage, name: str, content: bytes, reason: str) -> None:
    page = await open_page()
    await add(page.client, page.id, name, content)
    document = await settled()
    assert document.state == "failed" and reason in document.reason
    assert "source." not in document.reason and "Traceback" not in document.reason


@pytest.mark.parametrize(("name", "content", "reason"), [
    ("program.exe", b"MZ", "is no document and no list of questions"), ("empty.txt", b"", "is empty"),
])
async def test_what_is_no_document_is_refused_at_the_door(
    open_page: OpenPage, name: str, content: bytes, reason: str,
) -> None:
    page = await open_page()
    assert reason in await add(page.client, page.id, name, content)
    assert not await Document.objects.aexists()


async def test_a_full_disk_takes_no_document(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.datasets.uploads.RESERVE", 2**60)
    page = await open_page()
    assert "disk is too full" in await add(page.client, page.id, "heron.md", HERON)
    assert not await Document.objects.aexists()


async def test_many_documents_at_once_are_read_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = most = 0

    async def reading(_document: Any) -> str:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1
        return "read"

    monkeypatch.setattr(documents, "_indexed", reading)
    assert await asyncio.gather(*(documents.index(Document()) for _ in range(20))) == ["read"] * 20
    assert most == documents.CHILDREN


async def test_a_document_that_is_too_large_is_refused(open_page: OpenPage, settings: Any) -> None:
    settings.DOCUMENT_BYTES = 10
    page = await open_page()
    assert "is too large" in await add(page.client, page.id, "heron.md", HERON)


async def test_files_lie_under_random_names_for_the_owner_only(open_page: OpenPage) -> None:
    page = await open_page()
    await add(page.client, page.id, "../../evil.md", HERON)
    document = await settled()
    assert document.name == "evil.md"
    assert document.source.parent.parent == settings.DOCUMENTS and document.source.name == "source.md"
    assert stat.S_IMODE(document.folder.stat().st_mode) == 0o700


async def test_a_name_that_looks_like_an_option_is_only_a_name(open_page: OpenPage) -> None:
    page = await open_page()
    await add(page.client, page.id, "--out=x.md", HERON)
    assert (await settled()).state == "ready"


async def test_hostile_names_and_text_stay_text(open_page: OpenPage) -> None:
    page = await open_page()
    body = await add(page.client, page.id, "<img src=x onerror=alert(1)>.md", b"<script>x</script> is <b>bold</b>.\n")
    assert "<img" not in body and "&lt;img" in body
    await settled()
    await page.ask("script bold", "question-answering")
    assert "<script>" not in await page.until('data-state="done"')


async def test_a_child_that_takes_too_long_is_ended(
    open_page: OpenPage, settings: Any, monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.DOCUMENT_SECONDS = 0.01
    page = await open_page()
    await add(page.client, page.id, "heron.md", HERON)
    document = await settled()
    assert document.state == "failed" and document.reason == TOO_SLOW


async def test_strangers_can_neither_add_nor_remove(open_page: OpenPage, visitor: Callable[[], Client]) -> None:
    page = await open_page()
    await add(page.client, page.id, "heron.md", HERON)
    document = await settled()
    stranger = await sync_to_async(visitor)()
    await add(stranger, page.id, "mine.md", HERON)
    remove = await sync_to_async(stranger.post)(f"/documents/{document.pk}/remove/")
    assert remove.status_code == 404
    assert await Document.objects.acount() == 1


async def test_removing_and_deleting_leave_no_files(open_page: OpenPage) -> None:
    page = await open_page()
    await add(page.client, page.id, "one.md", HERON)
    first = await settled()
    await sync_to_async(page.client.post)(f"/documents/{first.pk}/remove/")
    assert not first.folder.exists()
    await add(page.client, page.id, "two.md", HERON)
    second = await settled()
    await sync_to_async(page.client.post)(f"/c/{page.id}/delete/")
    assert not second.folder.exists() and not await Document.objects.aexists()


async def test_other_assistants_take_no_documents(open_page: OpenPage) -> None:
    page = await open_page()
    assert "does not read documents" in await add(page.client, page.id, "a.md", HERON, assistant="translation")


async def test_a_list_of_questions_is_a_document_too(open_page: OpenPage) -> None:
    page = await open_page()
    rows = b"question,answer\nWhen do you open?,At nine.\nWhere are you?,In Bern.\n"
    await add(page.client, page.id, "faq.csv", rows)
    assert "2 questions" in await page.until('data-state="ready"', timeout=20)
