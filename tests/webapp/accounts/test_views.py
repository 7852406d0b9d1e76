"""Signing in and out."""

from __future__ import annotations

import pytest
from django.urls import reverse

from webapp.accounts import throttle
from webapp.accounts.models import User

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
    assert answer.redirect_chain[-1][0] == reverse("signin") + "?next=%2Fadmin%2F"


def test_the_page_speaks_chinese(client):
    assert "登录" in client.get(reverse("signin"), headers={"Accept-Language": "zh-hans"}).text


@pytest.mark.parametrize("page", ["accounts/user/", "accounts/user/add/", "accounts/invitation/", "jobs/job/"])
def test_the_admin_has_its_pages(admin_client, page):
    assert admin_client.get(f"/admin/{page}").status_code == 200
