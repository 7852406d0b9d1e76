"""Signing in and out."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from webapp.accounts import throttle
from webapp.accounts.models import User
from webapp.assistants.models import Assistant

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password="countess of lovelace")


def sign_in(client, password: str = "countess of lovelace", **more: str):
    return client.post(reverse("signin"), {"username": "ada", "password": password, **more})


def test_who_signs_in_goes_on_where_they_were(client, ada):
    answer = sign_in(client, next="/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert client.session["_auth_user_id"] == str(ada.pk)


def test_signing_in_never_leads_to_another_site(client, ada):
    assert sign_in(client, next="https://evil.example/")["Location"] == reverse("chat")


def test_the_admins_own_page_to_sign_in_keeps_where_to_go_on(client, ada):
    answer = client.get("/admin/login/", {"next": "/admin/jobs/job/"})
    assert answer["Location"] == f"{reverse('signin')}?next=%2Fadmin%2Fjobs%2Fjob%2F"
    assert sign_in(client, next="/admin/jobs/job/")["Location"] == "/admin/jobs/job/"


def test_a_wrong_password_is_said_and_counted(client, ada):
    answer = sign_in(client, "wrong")
    assert answer.status_code == 200 and "role=\"alert\"" in answer.text


def test_guessing_is_slowed_down_even_with_the_right_password_at_last(client, ada):
    for _ in range(throttle.LIMITS["pair"]):
        sign_in(client, "wrong")
    answer = sign_in(client)
    assert answer.status_code == 200 and "Too many attempts" in answer.text
    assert "_auth_user_id" not in client.session


def test_the_guesses_of_one_address_do_not_lock_out_another(client, ada):
    for _ in range(throttle.LIMITS["pair"]):
        sign_in(client, "wrong")
    answer = client.post(
        reverse("signin"), {"username": "ada", "password": "countess of lovelace"}, REMOTE_ADDR="198.51.100.9"
    )
    assert answer.status_code == 302


def test_signing_out_takes_a_post(client, ada):
    client.force_login(ada)
    assert client.get(reverse("signout")).status_code == 405
    client.post(reverse("signout"))
    assert "_auth_user_id" not in client.session


def test_the_admin_sends_to_the_same_page(client):
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == reverse("signin") + "?next=/admin/"


def test_the_page_speaks_chinese(client):
    assert "登录" in client.get(reverse("signin"), headers={"Accept-Language": "zh-hans"}).text


def test_a_member_who_opens_the_admin_is_told_that_it_is_not_for_them(client, ada):
    client.force_login(ada)
    for page in ("/admin/", "/admin/accounts/user/", "/admin/nothing/here/"):
        answer = client.get(page)
        assert answer.status_code == 403 and "not for this account" in answer.text


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(client, ada):
    other = Client()
    for browser in (client, other):
        browser.force_login(ada)
    answer = client.post(reverse("account"), {
        "old_password": "countess of lovelace", "new_password1": "first computer", "new_password2": "first computer",
    })
    assert answer["Location"] == reverse("account")
    assert client.get(reverse("account")).status_code == 200
    assert other.get(reverse("account")).status_code == 302


def test_a_bad_password_is_said_beside_its_field(client, ada):
    client.force_login(ada)
    answer = client.post(reverse("account"), {"old_password": "wrong", "new_password1": "a", "new_password2": "b"})
    assert set(answer.context["form"].errors) == {"old_password", "new_password2"}


def test_signing_out_elsewhere_ends_all_sessions_but_this_one(client, ada):
    other = Client()
    for browser in (client, other):
        browser.force_login(ada)
    client.post(reverse("sign-out-elsewhere"))
    assert client.get(reverse("account")).status_code == 200
    assert other.get(reverse("account")).status_code == 302


@pytest.mark.parametrize(("role", "shown"), [("admin", True), ("trainer", True), ("member", False)])
def test_the_chat_leads_to_the_admin_whoever_may_enter_it(client, ada, role, shown):
    Assistant.objects.create(slug="poet", name_en="Poet", task="generation", artifact="/none")
    ada.role = role
    ada.save()
    client.force_login(ada)
    assert ("Train and share" in client.get(reverse("chat")).text) is shown


@pytest.mark.parametrize("page", ["", "accounts/user/", "accounts/user/add/", "accounts/invitation/", "jobs/job/"])
def test_the_admin_has_its_pages(admin_client, page):
    assert admin_client.get(f"/admin/{page}").status_code == 200
