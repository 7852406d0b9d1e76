"""Dealing in parts: the same findings as in one piece, at any size."""

import random

import numpy as np
import pytest

from modeling.datasets import building, dealing
from modeling.datasets.columns import Column, equal_rows, hashes_of, mixed
from modeling.datasets.dealing import (
    DROPPED,
    OPEN,
    TEST,
    TRAIN,
    VALIDATION,
    Findings,
    components,
    deal_out,
    find_conflicts,
    find_duplicates,
    find_leaks,
)
from modeling.datasets.splits import shares_of

SHARES = shares_of(0.1, 0.1)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch) -> None:
    monkeypatch.setattr("modeling.datasets.columns._PART", 300)
    monkeypatch.setattr("modeling.datasets.columns._CHUNK", 70)


def column(folder, name: str, values, dtype: str = "<u8") -> Column:
    found = Column(folder / name, dtype)
    found.append(np.array(values))
    return found


def of_texts(folder, name: str, texts) -> Column:
    return column(folder, name, hashes_of(texts))


def test_equal_rows_come_together_in_their_order(tmp_path) -> None:
    texts = [f"t{random.Random(i).randrange(200)}" for i in range(1000)]
    seen: dict[str, list[int]] = {}
    for starts, places, (numbers,) in equal_rows(of_texts(tmp_path, "a", texts), column(tmp_path, "b", range(1000))):
        assert numbers.tolist() == places.tolist()
        for run in np.split(places, starts[1:]):
            assert len({texts[place] for place in run}) == 1
            assert texts[run[0]] not in seen
            seen[texts[run[0]]] = run.tolist()
    assert seen == {text: [i for i, other in enumerate(texts) if other == text] for text in texts}


def test_components_are_those_of_a_search(tmp_path) -> None:
    for seed in range(20):
        draw = random.Random(seed)
        one, two = ([f"{draw.randrange(80)}" for _ in range(100)] for _ in range(2))
        folder = tmp_path / str(seed)
        folder.mkdir()
        roots = components([of_texts(folder, "a", one), of_texts(folder, "b", two)], 100, folder=folder,
                           leave_out=np.zeros(100, bool))
        assert roots.tolist() == searched(one, two)


def searched(one: list[str], two: list[str]) -> list[int]:
    roots = list(range(len(one)))
    for first in range(len(one)):
        reached, todo = {first}, [first]
        while todo:
            at = todo.pop()
            near = {i for i in range(len(one)) if one[i] == one[at] or two[i] == two[at]} - reached
            reached |= near
            todo += near
        roots[first] = min(reached)
    return roots


def test_a_long_chain_in_any_order_is_one_component(tmp_path) -> None:
    order = list(range(5000))
    random.Random(1).shuffle(order)
    one, two = column(tmp_path, "a", [i // 2 for i in order]), column(tmp_path, "b", [(i + 1) // 2 for i in order])
    roots = components([one, two], 5000, folder=tmp_path, leave_out=np.zeros(5000, bool))
    assert set(roots.tolist()) == {0}


def test_duplicates_conflicts_and_leaks_are_counted_over_all_parts(tmp_path) -> None:
    inputs = of_texts(tmp_path, "a", [f"t{i % 500}" for i in range(1000)])
    rows = of_texts(tmp_path, "b", [f"t{i % 500} {i > 900}" for i in range(1000)])
    verdicts, found = np.full(1000, OPEN, np.uint8), Findings()
    find_conflicts(inputs, rows, found)
    find_duplicates(verdicts, rows, found, drop=True)
    assert (found.conflicts, found.conflict_rows, found.duplicates) == (99, 198, 401)
    assert np.flatnonzero(verdicts == DROPPED).tolist() == list(range(500, 901))
    verdicts[:500], verdicts[901:] = TRAIN, TEST
    find_leaks(verdicts, inputs, found)
    assert found.leaks == 99
    assert len(found.leak_places) == len(found.duplicate_places) == 5


def test_many_rows_are_dealt_by_chance_in_groups(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(dealing, "_EXACT", 100)
    texts = [f"t{i // 3}" for i in range(9000)] + ["often"] * 2000
    verdicts = np.full(len(texts), OPEN, np.uint8)
    assert deal_out(verdicts, [of_texts(tmp_path, "a", texts)], None, SHARES, seed=-3, additions=0, folder=tmp_path,
                    cut_few=False)
    assert set(verdicts[9000:]) == {TRAIN}
    assert all(len(set(verdicts[i : i + 3])) == 1 for i in range(0, 9000, 3))
    for split in (VALIDATION, TEST):
        assert 750 < np.count_nonzero(verdicts == split) < 1050


def test_chance_depends_on_the_seed_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(dealing, "_EXACT", 100)
    texts = of_texts(tmp_path, "a", [f"t{i}" for i in range(500)])
    dealt = []
    for seed in (1, 1, 2):
        verdicts = np.full(500, OPEN, np.uint8)
        deal_out(verdicts, [texts], None, SHARES, seed=seed, additions=0, folder=tmp_path, cut_few=False)
        dealt.append(verdicts.tolist())
    assert dealt[0] == dealt[1] != dealt[2]


def test_big_and_small_data_sets_take_the_same_road(tmp_path, monkeypatch) -> None:
    file = tmp_path / "en-fr.tsv"
    file.write_text("".join(f"word {i // 2}\tmot {(i + 1) // 2 if i % 6 else -i}\n" for i in range(3000)))
    monkeypatch.setattr(dealing, "_EXACT", 100)
    building.build(file, tmp_path / "out", task="translation")
    seen: dict[str, str] = {}
    for name in ("train", "validation", "test"):
        rows = list(building.read_rows(tmp_path / "out" / f"{name}.jsonl"))
        assert len(rows) > 150
        for row in rows:
            for side in ("source", "target"):
                assert seen.setdefault(f"{side} {row[side]}", name) == name


def test_mixing_keeps_different_things_different() -> None:
    values = np.arange(1000, dtype=np.uint64)
    assert len(set(mixed(values, 1).tolist()) | set(mixed(values, 2).tolist())) == 2000
