"""A glossary comes and goes as a file; what is wrong with it is told line by line."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse

from tests.webapp.test_rights import body
from webapp.assistants import services
from webapp.assistants.glossaries import glossary_pieces, read_glossary, written_pairs
from webapp.assistants.models import Assistant

PAIRS = [["fox", "renard"], ["-5 degrees", "moins 5"], ["tea, green", "thé vert"]]


def test_what_was_downloaded_comes_back_as_it_was() -> None:
    content = b"".join(glossary_pieces(PAIRS))
    assert read_glossary(content) == (PAIRS, [])
    [cell] = [row[0] for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) if "5 degrees" in row[0]]
    assert cell == "'-5 degrees"  # no spreadsheet takes it for a formula


def test_columns_stand_in_any_order_behind_any_usual_mark() -> None:
    assert read_glossary(b"Target;note;Source\nrenard;;fox\n\n") == ([["fox", "renard"]], [])


@pytest.mark.parametrize(("content", "told"), [
    (b"fox,renard\n", "columns source and target"), (b"", "columns source and target"),
    (b"source,target\n", "no terms"), (b"source,target\n\xff\xfe,x\n", "UTF-8"),
    (b"source,target\nfox,renard\nhen\n", "Line 3: a term or its translation is missing"),
    (b"source,target\n,renard\n", "Line 2"), (b"source,target\na=b,c\n", "Line 2: a term holds an equals sign"),
    (b"source,target\n" + b"x" * 201 + b",c\n", "Line 2: a term has more than 200"),
    (b"source,target\n" + b"a,b\n" * 501, "At most 500"), (b"source,target\na\0,b\n", "Line 2"),
])  # fmt: skip
def test_a_bad_row_is_told_with_its_line(content: bytes, told: str) -> None:
    assert any(told in fault for fault in read_glossary(content)[1])


def test_many_faults_are_told_in_part() -> None:
    _pairs, faults = written_pairs("a\n" * 30, most=500)
    assert len(faults) == 11 and faults[-1] == "And 20 more." and faults[0].startswith("Line 1:")


@pytest.mark.django_db
def test_the_page_of_a_translator_takes_a_file_and_gives_it_back(client: Any, django_user_model: Any) -> None:
    tess = django_user_model.objects.create_user("tess", password="x", role="trainer")
    translator = Assistant.objects.create(slug="fr", name_en="French", task="translation", owner=tess, artifact="/no",
                                          directions=["en-fr"], defaults={"beam": 2})
    client.force_login(tess)
    here = reverse("admin:assistants_assistant_glossary", args=[translator.pk])
    bad = client.post(here, {"file": ContentFile(b"source,target\nfox\n", name="g.csv")}).content.decode()
    translator.refresh_from_db()
    assert "Line 2" in bad and translator.defaults == {"beam": 2}
    sent = client.post(here, {"file": ContentFile(b"source,target\nfox,renard\n", name="g.csv")})
    translator.refresh_from_db()
    assert sent.status_code == 302 and translator.defaults == {"beam": 2, "glossary": [["fox", "renard"]]}
    got = client.get(here)
    assert body(got).encode() == b"\xef\xbb\xbfsource,target\r\nfox,renard\r\n"
    services.change(assistant=translator, task="summarisation")  # type: ignore[call-arg]
    assert client.get(here).status_code == 404
