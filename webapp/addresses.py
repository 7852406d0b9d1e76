"""Where the site answers: host names and full origins, from HOST, PORT and PARLEY_PUBLIC_URL."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

import psutil
from django.core.exceptions import ImproperlyConfigured

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - these mean "all interfaces"; nothing is bound here


def served_names(host: str) -> list[str]:
    """The names a visitor may use for this machine when the server listens on `host`."""
    if host in LOCAL_NAMES:
        return list(LOCAL_NAMES)
    if host not in EVERYWHERE:
        return [host]
    families = (socket.AF_INET, socket.AF_INET6)
    own = [a.address.partition("%")[0] for rows in psutil.net_if_addrs().values() for a in rows if a.family in families]
    return list(dict.fromkeys([*LOCAL_NAMES, socket.gethostname().lower(), *own]))


def public_origin(url: str) -> str:
    """The origin (scheme, host, port) of the public address. Raises ImproperlyConfigured when it is no http(s) URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ImproperlyConfigured(f"PARLEY_PUBLIC_URL is {url!r}. It must look like https://chat.example.org.")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def bracketed(name: str) -> str:
    """An IPv6 address as it stands in a URL; any other name as it is."""
    return f"[{name}]" if ":" in name else name


def origins(host: str, port: int, public_url: str) -> list[str]:
    """Every full origin that this site's own pages can have."""
    suffix = "" if port == 80 else f":{port}"
    own = [f"http://{bracketed(name)}{suffix}" for name in served_names(host)]
    return [*own, public_origin(public_url)] if public_url else own


def site_url(host: str, port: int, public_url: str) -> str:
    """The address that other people's browsers are given: the public one, or else the best that this machine has."""
    if public_url:
        return public_url
    name = host if host not in EVERYWHERE else next(iter(lan_addresses()), LOCAL_NAMES[1])
    return f"http://{bracketed(name)}" + ("" if port == 80 else f":{port}")


def lan_addresses() -> list[str]:
    """This machine's addresses in its networks, IPv4 only: those that people can type."""
    rows = [row for rows in psutil.net_if_addrs().values() for row in rows if row.family == socket.AF_INET]
    return [row.address for row in rows if not _is_loopback_name(row.address)]


def is_loopback(url: str) -> bool:
    """Whether an address leads each reader to his own machine."""
    return _is_loopback_name(urlsplit(url).hostname or "")


def _is_loopback_name(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.lower() == "localhost" or name.lower().endswith(".localhost")


def allowed_hosts(host: str, public_url: str) -> list[str]:
    """Host headers that are answered."""
    names = [bracketed(name) for name in served_names(host)]
    public = urlsplit(public_url).hostname if public_url else None
    return [*names, bracketed(public)] if public else names
