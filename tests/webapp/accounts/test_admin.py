"""People in the admin: roles, the last admin, and what becomes of the things of who goes."""

from __future__ import annotations

import pytest
from django.urls import reverse

from webapp.accounts.models import User
from webapp.assistants.models import Assistant
from webapp.chat.models import Conversation, Document
from webapp.datasets.models import Dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client) -> User:
    ada = User.objects.create_superuser("ada", password="countess")
    client.force_login(ada)
    return ada


def change(client, person: User, **fields: str):
    sent = {"username": person.username, "role": person.role, "is_active": "on", **fields}
    return client.post(reverse("admin:accounts_user_change", args=[person.pk]), sent)


def test_the_form_knows_roles_and_neither_groups_nor_permissions(client, ada):
    fields = set(client.get(reverse("admin:accounts_user_change", args=[ada.pk])).context["adminform"].form.fields)
    assert fields == {"username", "password", "role", "is_active"}


@pytest.mark.parametrize(("fields", "field"), [({"role": "member"}, "role"), ({"is_active": ""}, "is_active")])
def test_the_last_admin_stays_one(client, ada, fields, field):
    answer = change(client, ada, **fields)
    assert set(answer.context["adminform"].form.errors) == {field}
    ada.refresh_from_db()
    assert ada.role == "admin" and ada.is_active


def test_an_admin_beside_others_may_step_back(client, ada):
    User.objects.create_superuser("grace", password="compiler")
    assert change(client, ada, role="member").status_code == 302
    ada.refresh_from_db()
    assert (ada.role, ada.is_superuser, ada.is_staff) == ("member", False, False)


def test_an_admin_who_cannot_sign_in_does_not_count(client, ada):
    User.objects.create_superuser("grace", password="compiler", is_active=False)
    assert change(client, ada, role="member").status_code == 200


def test_nobody_deletes_the_own_account(client, ada):
    assert client.post(reverse("admin:accounts_user_delete", args=[ada.pk]), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=ada.pk).exists()


def test_what_a_trainer_built_stays_and_what_they_said_goes(
    client, ada, settings, tmp_path, django_capture_on_commit_callbacks
):
    settings.DOCUMENTS = tmp_path
    grace = User.objects.create_user("grace", role="trainer")
    dataset = Dataset.objects.create(owner=grace, name="tickets")
    assistant = Assistant.objects.create(slug="desk", name_en="Desk", task="classification", owner=grace)
    conversation = Conversation.objects.create(owner=grace, assistant=assistant)
    document = Document.objects.create(conversation=conversation, name="plan.md", bytes=4)
    document.folder.mkdir()
    page = reverse("admin:accounts_user_delete", args=[grace.pk])
    assert "become yours" in client.get(page).text
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(page, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(username="grace").exists() and not Conversation.objects.exists()
    assert not document.folder.exists()
    for kept in (dataset, assistant):
        kept.refresh_from_db()
        assert kept.owner == ada


@pytest.mark.parametrize("role", ["trainer", "member"])
@pytest.mark.parametrize("page", ["accounts/user/", "accounts/user/add/", "accounts/invitation/",
                                  "accounts/invitation/add/"])
def test_people_are_the_admins_business(client, role, page):
    client.force_login(User.objects.create_user("grace", role=role))
    assert client.get(f"/admin/{page}").status_code == 403


def test_the_first_page_names_the_next_step(client, ada):
    answer = client.get("/admin/")
    assert answer.context["next"] == "upload"
    Dataset.objects.create(owner=ada, name="tickets")
    answer = client.get("/admin/")
    assert answer.context["next"] == "train" and "tickets" in answer.text


def test_the_first_page_shows_a_trainer_the_own_things_only(client, ada):
    Dataset.objects.create(owner=ada, name="secret plans")
    client.force_login(User.objects.create_user("grace", role="trainer"))
    answer = client.get("/admin/")
    assert answer.status_code == 200 and "secret plans" not in answer.text
