"""Slows down guessing of passwords: tries are counted by address and name, and by name alone.

`scope` keeps the counts of different doors apart: sign-in by user name, share links by link.
"""

from __future__ import annotations

import hashlib

from django.core.cache import cache

WINDOW = 15 * 60  # seconds
LIMITS = {"pair": 5, "name": 50}  # failures in a window; the second bounds guessing from many addresses


def attempt(*, scope: str, address: str, name: str) -> bool:
    """Count a try, and say whether the password may be looked at.

    It counts before the password is checked, so that many tries at once are no way around the limit. The window
    starts with the first one.
    """
    counts = {kind: _counted(key) for kind, key in _keys(scope, address, name).items()}
    return all(count <= LIMITS[kind] for kind, count in counts.items())


def succeeded(*, scope: str, address: str, name: str) -> None:
    """The password was right: forget the tries of this name at this address, and take this one back for the name."""
    keys = _keys(scope, address, name)
    cache.delete(keys["pair"])
    if cache.get(keys["name"], 0) > 0:
        cache.decr(keys["name"])


def _counted(key: str) -> int:
    cache.add(key, 0, WINDOW)
    try:
        return int(cache.incr(key))
    except ValueError:  # the window ended in between
        cache.set(key, 1, WINDOW)
        return 1


def _keys(scope: str, address: str, name: str) -> dict[str, str]:
    def digest(*parts: str) -> str:
        return f"throttle-{scope}-" + hashlib.sha256("\0".join(parts).encode()).hexdigest()

    return {"pair": digest(address, name.casefold()), "name": digest(name.casefold())}
