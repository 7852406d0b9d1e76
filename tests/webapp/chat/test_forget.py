"""Forgetting what nobody comes back for."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from webapp.assistants.models import Assistant
from webapp.chat.models import Conversation, Document

pytestmark = pytest.mark.django_db


def conversation(*, days: int, owner=None) -> Conversation:
    assistant, _ = Assistant.objects.get_or_create(slug="reader", task="question-answering", artifact="/a/reader")
    made = Conversation.objects.create(assistant=assistant, session="s", owner=owner)
    Conversation.objects.filter(pk=made.pk).update(updated=timezone.now() - timedelta(days=days))
    return made


def test_only_old_conversations_of_no_account_go_and_their_documents_with_them(
    django_user_model, django_capture_on_commit_callbacks,
):
    old, recent = conversation(days=200), conversation(days=10)
    owned = conversation(days=200, owner=django_user_model.objects.create_user("ada"))
    document = Document.objects.create(conversation=old, name="plan.md", bytes=4)
    document.folder.mkdir(parents=True)
    document.source.write_text("plan")
    said = StringIO()
    with django_capture_on_commit_callbacks(execute=True):
        call_command("forget", stdout=said)
    assert json.loads(said.getvalue()) == {"result": {"conversations": 1}}
    assert set(Conversation.objects.all()) == {recent, owned}
    assert not document.folder.exists()
