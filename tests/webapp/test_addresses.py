"""Where the site answers follows from HOST, PORT and PARLEY_PUBLIC_URL; what it needs once is made once."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from webapp.addresses import allowed_hosts, is_loopback, lan_addresses, origins, site_url
from webapp.settings import secret_key, socket_path


def test_a_local_site_answers_to_its_local_names_only() -> None:
    assert origins("127.0.0.1", 8000, "") == ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"]
    assert allowed_hosts("127.0.0.1", "") == ["localhost", "127.0.0.1", "[::1]"]


def test_a_public_address_is_added_without_its_path() -> None:
    assert origins("127.0.0.1", 80, "https://Chat.example.org:8443/parley")[-1] == "https://chat.example.org:8443"
    assert allowed_hosts("127.0.0.1", "https://chat.example.org")[-1] == "chat.example.org"


def test_a_site_on_all_interfaces_knows_its_own_addresses_and_no_wildcard() -> None:
    hosts = allowed_hosts("0.0.0.0", "")  # noqa: S104
    assert "127.0.0.1" in hosts and "*" not in hosts


@pytest.mark.parametrize("url", ["chat.example.org", "ftp://chat.example.org", "https://"])
def test_a_public_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="must look like"):
        origins("127.0.0.1", 8000, url)


def test_the_key_is_made_once_for_all_who_start_together(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(secret_key, [path] * 8))
    assert len(keys) == 1 and len(keys.pop()) > 60
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret.key"]


def test_the_engines_socket_stays_short_in_a_deep_home(tmp_path: Path) -> None:
    assert socket_path(Path("/srv/parley")) == Path("/srv/parley/engine.sock")
    deep = socket_path(tmp_path / ("x" * 120))
    assert len(str(deep)) < 100 and deep == socket_path(tmp_path / ("x" * 120))


@pytest.mark.parametrize(("host", "port", "public", "address"), [
    ("127.0.0.1", 8000, "", "http://127.0.0.1:8000"), ("::1", 80, "", "http://[::1]"),
    ("192.0.2.7", 80, "", "http://192.0.2.7"),
    ("0.0.0.0", 8000, "https://chat.example.org", "https://chat.example.org"),  # noqa: S104
])
def test_others_are_given_the_public_address_or_the_one_listened_on(
    host: str, port: int, public: str, address: str,
) -> None:
    assert site_url(host, port, public) == address


def test_on_all_interfaces_others_are_given_an_address_of_this_machine() -> None:
    given = [f"http://{address}:8000" for address in lan_addresses()] or ["http://127.0.0.1:8000"]
    assert site_url("0.0.0.0", 8000, "") == given[0]  # noqa: S104


@pytest.mark.parametrize(("url", "loopback"), [
    ("http://127.0.0.1:8000", True), ("http://127.9.9.9", True), ("http://localhost", True), ("http://[::1]:1", True),
    ("http://192.168.1.20:8000", False), ("https://chat.example.org", False), ("http://0.0.0.0:1", False),
])
def test_a_loopback_address_is_told_from_one_that_others_can_open(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
