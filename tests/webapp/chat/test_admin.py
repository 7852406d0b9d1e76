"""Conversations and assistants in the admin."""

from __future__ import annotations

import pytest
from django.urls import reverse

from webapp.assistants.models import Assistant
from webapp.chat.models import Conversation

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation() -> Conversation:
    assistant = Assistant.objects.create(slug="spam", name_en="Spam", task="classification", artifact="/a/spam")
    conversation = Conversation.objects.create(assistant=assistant, session="s" * 32, title="My secret plan")
    conversation.messages.create(role="user", text="Nobody else may read this")
    return conversation


def test_an_admin_sees_figures_and_no_word_of_what_visitors_wrote(admin_client, conversation):
    text = admin_client.get(reverse("admin:chat_conversation_changelist")).text
    assert str(conversation.pk) in text and "Spam" in text
    assert "secret plan" not in text and "may read" not in text and conversation.session not in text


@pytest.mark.parametrize("page", ["change", "history", "delete"])
def test_a_conversation_has_no_page_in_the_admin(admin_client, conversation, page):
    answer = admin_client.get(reverse(f"admin:chat_conversation_{page}", args=[conversation.pk]))
    assert answer.status_code == 403 and "secret plan" not in answer.text
