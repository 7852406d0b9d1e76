"""The first admin."""

from __future__ import annotations

import stat

import pytest

from webapp.accounts.models import User
from webapp.accounts.services import ensure_admin

pytestmark = pytest.mark.django_db


def test_the_first_start_makes_an_admin_whose_password_only_the_owner_of_the_file_can_read(tmp_path):
    secret = tmp_path / "admin.password"
    admin = ensure_admin(secret=secret)
    user = User.objects.get()
    assert admin.name == "admin" and user.check_password(admin.password) and user.is_superuser
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_later_starts_show_the_same_password(tmp_path):
    secret = tmp_path / "admin.password"
    assert ensure_admin(secret=secret) == ensure_admin(secret=secret)


def test_a_password_that_was_changed_is_neither_shown_nor_kept(tmp_path):
    secret = tmp_path / "admin.password"
    ensure_admin(secret=secret)
    user = User.objects.get()
    user.set_password("my own choice")
    user.save()
    assert ensure_admin(secret=secret).password is None
    assert not secret.exists()


def test_an_admin_who_is_there_already_is_left_alone(tmp_path):
    User.objects.create_superuser("ada", password="countess")
    admin = ensure_admin(secret=tmp_path / "admin.password")
    assert (admin.name, admin.password) == ("ada", None)
    assert User.objects.count() == 1


def test_a_visitor_named_admin_is_not_made_one(tmp_path):
    User.objects.create_user("admin", password="first")
    admin = ensure_admin(secret=tmp_path / "admin.password")
    assert admin.name != "admin"
    assert not User.objects.get(username="admin").is_superuser
