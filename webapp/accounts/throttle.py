"""Slows down guessing of passwords: failures are counted by address and name, and by name alone."""

from __future__ import annotations

import hashlib

from django.core.cache import cache

WINDOW = 15 * 60  # seconds
LIMITS = {"pair": 5, "name": 50}  # failures in a window; the second bounds guessing from many addresses


def _keys(address: str, name: str) -> dict[str, str]:
    def digest(*parts: str) -> str:
        return "signin-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()

    return {"pair": digest(address, name.casefold()), "name": digest(name.casefold())}


def blocked(*, address: str, name: str) -> bool:
    """Whether this name must wait at this address."""
    return any(cache.get(key, 0) >= LIMITS[kind] for kind, key in _keys(address, name).items())


def failed(*, address: str, name: str) -> None:
    """Count a failure. The window starts with the first one."""
    for key in _keys(address, name).values():
        cache.add(key, 0, WINDOW)
        cache.incr(key)


def succeeded(*, address: str, name: str) -> None:
    """Forget the failures of this name at this address."""
    cache.delete(_keys(address, name)["pair"])
