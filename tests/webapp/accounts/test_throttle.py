"""Guessing is slowed down, also by many at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from webapp.accounts import throttle

DOOR = {"scope": "link", "address": "192.0.2.1", "name": "poems"}


def test_fifty_tries_at_once_are_no_way_around_the_limit():
    with ThreadPoolExecutor(50) as pool:
        allowed = list(pool.map(lambda _: throttle.attempt(**DOOR), range(50)))
    assert sum(allowed) == throttle.LIMITS["pair"]


def test_doors_do_not_share_their_counts():
    for _ in range(throttle.LIMITS["pair"] + 1):
        throttle.attempt(**DOOR)
    assert not throttle.attempt(**DOOR)
    assert throttle.attempt(**{**DOOR, "scope": "signin"})
    assert throttle.attempt(**{**DOOR, "address": "192.0.2.2"})


def test_many_addresses_together_are_bounded_too():
    tries = [throttle.attempt(**{**DOOR, "address": f"192.0.2.{n}"}) for n in range(throttle.LIMITS["name"] + 5)]
    assert tries.count(False) == 5


def test_other_names_do_not_push_the_count_out_of_memory():
    while throttle.attempt(**DOOR):
        pass
    for n in range(1000):
        throttle.attempt(**{**DOOR, "name": f"somebody {n}"})
    assert not throttle.attempt(**DOOR)


def test_a_right_password_starts_the_count_anew():
    for _ in range(throttle.LIMITS["pair"] * 3):
        assert throttle.attempt(**DOOR)
        throttle.succeeded(**DOOR)
