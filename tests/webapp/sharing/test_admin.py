"""The owner's pages: a link in two clicks, what came of it, and its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from webapp.accounts.models import Role, User
from webapp.assistants.models import Assistant
from webapp.chat.models import Conversation, Feedback, Message
from webapp.sharing import addresses
from webapp.sharing.models import ShareLink
from webapp.sharing.services import admit, token_of

LinkTo = Callable[..., ShareLink]
ADD = "admin:sharing_sharelink_add"
PLAIN = {"valid": "week", "languages": ["en", "zh-hans"], "keep_days": "30"}


def at(action: str, link: ShareLink) -> str:
    return reverse(f"admin:sharing_sharelink_{action}", args=[link.pk])


@pytest.fixture
def tina(client: Client, trainer: User) -> Client:
    client.force_login(trainer)
    return client


def test_a_link_takes_two_clicks_from_its_assistant(tina: Client, assistant: Assistant) -> None:
    form = tina.get(reverse(ADD), {"assistant": assistant.pk}).context["form"]
    sent = {field.html_name: field.value() for field in form if field.value()}
    response = tina.post(reverse(ADD), sent)
    link = ShareLink.objects.get()
    assert response.headers["Location"] == at("change", link)
    assert (link.assistant, link.owner.username) == (assistant, "tina") and link.expires and not link.password


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_made(tina: Client, assistant: Assistant) -> None:
    wrong = {"embed_origins": "example.org", "keep_days": "x"}
    body = tina.post(reverse(ADD), PLAIN | {"assistant": assistant.pk} | wrong).content.decode()
    assert "“example.org” is no address of a site" in body and "Enter a whole number" in body
    assert not ShareLink.objects.exists()


def test_its_page_shows_where_it_leads(tina: Client, link_to: LinkTo) -> None:
    link = link_to(embed_origins=("https://friend.example",))
    body = tina.get(at("change", link)).content.decode()
    address = f"http://127.0.0.1:8000/s/{token_of(link)}/"
    assert address in body and f"&lt;iframe src=&quot;{address}embed/&quot;" in body
    assert "<svg" in body and "Only this machine can open this address" in body and "HOST=0.0.0.0" in body


def test_a_public_address_is_used_and_needs_no_warning(tina: Client, link_to: LinkTo, settings: Any) -> None:
    settings.PUBLIC_URL = "https://chat.example.org"
    body = tina.get(at("change", link_to())).content.decode()
    assert "https://chat.example.org/s/" in body and "Only this machine" not in body


def test_the_address_survives_in_other_hands_when_the_key_changes(
    tina: Client, link_to: LinkTo, trainer: User, settings: Any,
) -> None:
    link = link_to()
    token = token_of(link)
    settings.SECRET_KEY = "another key"
    tina.force_login(trainer)
    body = tina.get(at("change", link)).content.decode()
    assert "can&#x27;t be shown any more" in body or "can't be shown any more" in body
    assert Client().get(f"/s/{token}/").status_code == 200


def test_the_snippet_is_one_line_and_escapes_the_name(link_to: LinkTo, assistant: Assistant) -> None:
    assistant.name_en = 'A "B" <C>'
    assistant.save()
    line = addresses.snippet(link_to(), "http://x/s/t/")
    assert "\n" not in line and 'title="A &quot;B&quot; &lt;C&gt;"' in line and line.count("<") == 2


def test_use_is_shown_in_figures(tina: Client, link_to: LinkTo) -> None:
    link = link_to(total_limit=10)
    for key in ("ann", "ann", "ben"):
        admit(link_id=link.pk, key=key)
    ShareLink.objects.update(tokens=1234)
    talk = Conversation.objects.create(assistant=link.assistant, link=link, session="x")
    for seconds in (1.0, 2.0, 9.0):
        Message.objects.create(conversation=talk, role="user", text="what somebody wrote")
        answer = Message.objects.create(conversation=talk, role="assistant", seconds=seconds)
        Feedback.objects.create(message=answer, good=seconds < 5)
    page = tina.get(at("change", link))
    use = page.context["use"]
    assert (use.visitors, use.questions, use.tokens, use.good, use.bad, use.median_seconds) == (2, 3, 1234, 2, 1, 2.0)
    assert [asked for _day, asked in use.days] == [3]
    assert "1,234" in page.content.decode() and "what somebody wrote" not in page.content.decode()


def test_a_link_nobody_used_says_so(tina: Client, link_to: LinkTo) -> None:
    assert "Nobody has asked anything yet" in tina.get(at("change", link_to())).content.decode()


def test_pause_go_on_and_revoke_are_buttons(tina: Client, link_to: LinkTo) -> None:
    link = link_to()
    states = []
    for action in ("pause", "resume", "revoke", "resume"):
        assert tina.post(at(action, link)).status_code == 302
        states.append(str(ShareLink.objects.get().state))
    assert states == ["paused", "open", "revoked", "revoked"]
    body = tina.get(at("change", link)).content.decode()
    assert "Revoke for good" not in body and token_of(link) not in body


def test_no_state_changes_by_looking_or_from_another_site(trainer: User, link_to: LinkTo) -> None:
    link, client = link_to(), Client(enforce_csrf_checks=True)
    client.force_login(trainer)
    for action in ("pause", "resume", "revoke"):
        assert client.get(at(action, link)).status_code == 405
        assert client.post(at(action, link)).status_code == 403
    assert ShareLink.objects.get().state == "open"


def test_terms_change_under_the_same_address(tina: Client, link_to: LinkTo) -> None:
    link = link_to(password="open sesame")
    assert "open sesame" not in tina.get(at("terms", link)).content.decode()
    tina.post(at("terms", link), PLAIN | {"valid": "keep", "note": "Friends", "no_password": "on"})
    found = ShareLink.objects.get()
    assert (found.note, found.password, token_of(found)) == ("Friends", "", token_of(link))


def test_the_list_tells_states_and_use(tina: Client, link_to: LinkTo) -> None:
    admit(link_id=link_to(note="For Friends").pk, key="ann")
    body = tina.get(reverse("admin:sharing_sharelink_changelist")).content.decode()
    assert "For Friends" in body and "Poet" in body


def test_another_trainers_links_are_not_there(client: Client, link_to: LinkTo) -> None:
    link = link_to(note="For Friends")
    client.force_login(User.objects.create_user("otto", role=Role.TRAINER))
    assert "For Friends" not in client.get(reverse("admin:sharing_sharelink_changelist")).content.decode()
    assert [client.get(at(page, link)).status_code for page in ("change", "terms")] == [404, 404]
    assert [client.post(at(action, link)).status_code for action in ("pause", "resume", "revoke")] == [404] * 3
    assert ShareLink.objects.get().state == "open"


def test_an_assistant_that_may_not_be_shared_is_no_choice(client: Client, assistant: Assistant) -> None:
    client.force_login(User.objects.create_user("otto", role=Role.TRAINER))
    page = client.post(reverse(ADD), PLAIN | {"assistant": assistant.pk})
    assert page.context["form"].errors["assistant"] and not ShareLink.objects.exists()


def test_members_and_passers_by_have_no_such_pages(client: Client, link_to: LinkTo) -> None:
    link = link_to()
    assert client.get(at("change", link)).status_code == 302
    client.force_login(User.objects.create_user("mia", role=Role.MEMBER))
    assert {client.get(at(page, link)).status_code for page in ("change", "terms")} == {403}
    assert client.get(reverse(ADD)).status_code == 403


def test_a_link_is_revoked_and_never_deleted(tina: Client, link_to: LinkTo) -> None:
    assert tina.post(at("delete", link_to()), {"post": "yes"}).status_code == 403
    assert ShareLink.objects.exists()
