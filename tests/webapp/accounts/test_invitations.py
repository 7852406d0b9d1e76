"""Invited people make their accounts by a link."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from webapp.accounts import services
from webapp.accounts.models import Invitation, User

pytestmark = pytest.mark.django_db
CHOICE = {"username": "grace", "password1": "compiler on a hill", "password2": "compiler on a hill"}


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("ada", password="countess")


@pytest.fixture
def invited(admin) -> str:
    _invitation, token = services.invite(
        by=admin, role="trainer", expires=timezone.now() + timedelta(days=7), note="Grace"
    )
    return token


def test_who_follows_the_link_chooses_a_name_and_is_in(client, invited):
    page = reverse("join", args=[invited])
    assert "ada invited you" in client.get(page).text
    assert client.post(page, CHOICE)["Location"] == reverse("chat")
    grace = User.objects.get(username="grace")
    assert client.session["_auth_user_id"] == str(grace.pk)
    assert (grace.role, grace.is_staff, grace.is_superuser) == ("trainer", True, False)


def test_a_link_works_once(client, invited):
    page = reverse("join", args=[invited])
    client.post(page, CHOICE)
    assert client.get(page).status_code == 404
    assert client.post(page, {**CHOICE, "username": "mallory"}).status_code == 404
    assert not User.objects.filter(username="mallory").exists()


@pytest.mark.django_db(transaction=True)
def test_a_link_works_once_also_for_many_at_once(invited):
    def arrive(number: int) -> bool:
        try:
            services.join(token=invited, username=f"guest-{number}", password="compiler on a hill")
        except services.InvitationError:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(arrive, range(8))) == 1
    assert User.objects.filter(username__startswith="guest-").count() == 1


def test_the_token_is_stored_hashed(invited):
    assert invited not in str(Invitation.objects.values_list()[0])


@pytest.mark.parametrize("change", [
    {"expires": timezone.now() - timedelta(seconds=1)}, {"revoked": timezone.now()}, {"used": timezone.now()},
])
def test_a_link_that_is_over_opens_nothing(client, invited, change):
    Invitation.objects.update(**change)
    answer = client.get(reverse("join", args=[invited]))
    assert answer.status_code == 404 and "does not open" in answer.text


def test_a_link_that_never_was_opens_nothing(client):
    assert client.get(reverse("join", args=["x" * 43])).status_code == 404


@pytest.mark.parametrize(("change", "field"), [
    ({"username": "ada"}, "username"), ({"username": "a b"}, "username"), ({"username": "x" * 200}, "username"),
    ({"password1": "12345678", "password2": "12345678"}, "password2"), ({"password2": "other"}, "password2"),
    ({"password1": ""}, "password1"),
])
def test_a_bad_choice_is_said_beside_its_field_and_keeps_the_link(client, invited, change, field):
    answer = client.post(reverse("join", args=[invited]), {**CHOICE, **change})
    assert answer.status_code == 200 and set(answer.context["form"].errors) == {field}
    assert client.get(reverse("join", args=[invited])).status_code == 200


def test_the_admin_sees_the_link_once_and_it_works(client, admin):
    client.force_login(admin)
    moment = timezone.now() + timedelta(days=1)
    answer = client.post(reverse("admin:accounts_invitation_add"), {
        "note": "Grace", "role": "member", "expires_0": f"{moment:%Y-%m-%d}", "expires_1": f"{moment:%H:%M:%S}",
    })
    invitation = Invitation.objects.get()
    token = re.search(r"http://testserver/join/([\w-]{43})/", answer.text).group(1)
    assert services.invitation_of(token) == invitation
    assert token not in client.get(reverse("admin:accounts_invitation_change", args=[invitation.pk])).text
    assert "no-store" in answer["Cache-Control"]


def test_an_invitation_into_the_past_is_said_beside_its_field(client, admin):
    client.force_login(admin)
    answer = client.post(reverse("admin:accounts_invitation_add"), {
        "role": "member", "expires_0": "2020-01-01", "expires_1": "00:00:00",
    })
    assert set(answer.context["adminform"].form.errors) == {"expires"} and not Invitation.objects.exists()


def test_a_new_link_ends_the_old_one(client, admin, invited):
    client.force_login(admin)
    answer = client.post(reverse("admin:accounts_invitation_renew", args=[Invitation.objects.get().pk]))
    token = re.search(r"/join/([\w-]{43})/", answer.text).group(1)
    assert services.invitation_of(token)
    with pytest.raises(services.InvitationError):
        services.invitation_of(invited)


def test_a_new_link_ends_the_old_one_also_for_who_was_on_the_way(invited, monkeypatch):
    look_up = services.invitation_of

    def slowly(token):
        found = look_up(token)
        services.renew(invitation=found, expires=found.expires)
        return found

    monkeypatch.setattr(services, "invitation_of", slowly)
    with pytest.raises(services.InvitationError):
        services.join(token=invited, username="mallory", password="compiler on a hill")
    assert not User.objects.filter(username="mallory").exists()


def test_what_is_taken_back_opens_nothing_until_a_new_link_is_made(client, admin, invited):
    client.force_login(admin)
    pk = Invitation.objects.get().pk
    client.post(reverse("admin:accounts_invitation_revoke", args=[pk]))
    with pytest.raises(services.InvitationError):
        services.invitation_of(invited)
    client.post(reverse("admin:accounts_invitation_renew", args=[pk]))
    assert Invitation.objects.get().state == "open"


def test_an_accepted_invitation_gets_no_new_link(client, admin, invited):
    client.post(reverse("join", args=[invited]), CHOICE)
    client.force_login(admin)
    client.post(reverse("admin:accounts_invitation_renew", args=[Invitation.objects.get().pk]))
    assert Invitation.objects.get().state == "used"
