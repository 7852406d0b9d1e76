"""Which database it is, and texts that not every database takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from webapp.assistants.models import Assistant
from webapp.chat.models import Conversation, Message
from webapp.databases import database


def test_without_an_address_it_is_sqlite_in_the_home():
    assert database("", Path("/srv/parley"))["NAME"] == Path("/srv/parley/db.sqlite3")


def test_an_address_of_postgresql_is_taken_and_no_connection_outlives_its_work():
    settings = database("postgres://ada:count%40ess@db.example:5433/parley", Path("/srv"))
    found = {name: settings[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME", "CONN_MAX_AGE")}
    assert found == {"USER": "ada", "PASSWORD": "count@ess", "HOST": "db.example", "PORT": 5433, "NAME": "parley",
                     "CONN_MAX_AGE": 0}


@pytest.mark.parametrize("address", ["mysql://db/parley", "sqlite:///x.db", "nonsense", "gopher://db/parley"])
def test_other_addresses_are_refused_with_an_example(address):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        database(address, Path("/srv"))


@pytest.mark.django_db
def test_text_with_nul_characters_is_kept_as_well_as_the_database_can():
    assistant = Assistant.objects.create(slug="poet", name_en="Poet", task="generation")
    conversation = Conversation.objects.create(assistant=assistant)
    said, found = "a\0b \\u0000", {"text": ["\0", "\\u0000", "\\\\\0"]}
    message = Message.objects.create(conversation=conversation, text=said, result=found)
    message.refresh_from_db()
    mark = "\ufffd" if connection.vendor == "postgresql" else "\0"
    assert message.text == said.replace("\0", mark)
    assert message.result == {"text": [mark, "\\u0000", f"\\\\{mark}"]}
