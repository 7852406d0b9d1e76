"""Dealing: which split each row of a data set of any size goes to, and what repeats, contradicts and leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modeling.datasets.columns import Column, Places, equal_rows, mixed, run_lengths
from modeling.datasets.splits import FEW_GROUPS, SPLITS, deal

TRAIN, VALIDATION, TEST, DROPPED, OPEN = range(5)
"""Verdicts on a row; the first three are the places in SPLITS, OPEN is not yet dealt out."""

Verdicts = NDArray[np.uint8]

_EXACT = 200_000  # rows; of more, chance alone deals out evenly enough
_SHOWN = 5  # examples of each finding


@dataclass(slots=True, kw_only=True)
class Findings:
    """What was found about the rows; places are their numbers from 0."""

    duplicates: int = 0  # rows that an earlier one of the same split says already
    duplicate_places: list[int] = field(default_factory=list)
    conflicts: int = 0  # inputs that come with several outputs
    conflict_rows: int = 0
    conflict_places: list[list[int]] = field(default_factory=list)  # a few rows of each example
    leaks: int = 0  # rows of validation and test whose input is in train
    leak_places: list[int] = field(default_factory=list)
    replaced: int = 0  # rows that an addition took the place of


def replace_by_additions(verdicts: Verdicts, inputs: Column, additions: int, found: Findings, *, all_splits: bool,
                         ) -> None:
    """Drop rows that ask what one of the first `additions` rows asks; of several additions the last one counts.

    Without `all_splits` only rows of validation and test are dropped.
    """
    for starts, places, _ in equal_rows(inputs) if additions else ():
        runs = np.repeat(np.arange(len(starts)), run_lengths(starts, len(places)))
        last = np.full(len(starts), -1)
        np.maximum.at(last, runs[places < additions], places[places < additions])
        other = places[(last[runs] >= 0) & (places != last[runs])]
        if not all_splits:
            other = other[(verdicts[other] == VALIDATION) | (verdicts[other] == TEST)]
        verdicts[other] = DROPPED
        found.replaced += int((other >= additions).sum())


def find_duplicates(verdicts: Verdicts, rows: Column, found: Findings, *, drop: bool) -> None:
    """Rows after the first of those that are the same in one split."""
    for starts, places, _ in equal_rows(rows, leave_out=verdicts == DROPPED):
        runs = np.repeat(np.arange(len(starts)), run_lengths(starts, len(places)))
        key = runs * 8 + np.where(verdicts[places] == OPEN, TRAIN, verdicts[places])
        order = np.argsort(key, kind="stable")
        again = places[order[1:]][key[order[1:]] == key[order[:-1]]]
        found.duplicates += len(again)
        found.duplicate_places += again[: _SHOWN - len(found.duplicate_places)].tolist()
        if drop:
            verdicts[again] = DROPPED


def find_conflicts(inputs: Column, rows: Column, found: Findings) -> None:
    """Inputs whose rows differ in what comes out."""
    for starts, places, (values,) in equal_rows(inputs, rows):
        if not len(places):
            continue
        differ = np.flatnonzero(np.minimum.reduceat(values, starts) != np.maximum.reduceat(values, starts))
        lengths = run_lengths(starts, len(places))
        found.conflicts += len(differ)
        found.conflict_rows += int(lengths[differ].sum())
        for run in differ[: _SHOWN - len(found.conflict_places)]:
            span = slice(starts[run], starts[run] + lengths[run])
            _, first = np.unique(values[span], return_index=True)
            found.conflict_places.append(sorted(places[span][first[:4]].tolist()))


def find_leaks(verdicts: Verdicts, inputs: Column, found: Findings) -> None:
    """Rows of validation and test that ask what a training row asks."""
    for starts, places, _ in equal_rows(inputs, leave_out=verdicts == DROPPED):
        if not len(places):
            continue
        trains = np.logical_or.reduceat(verdicts[places] == TRAIN, starts)
        known = np.repeat(trains, run_lengths(starts, len(places)))
        leaks = places[known & ((verdicts[places] == VALIDATION) | (verdicts[places] == TEST))]
        found.leaks += len(leaks)
        found.leak_places += leaks[: _SHOWN - len(found.leak_places)].tolist()


def deal_out(verdicts: Verdicts, groups: Sequence[Column], labels: Column | None, shares: Mapping[str, float], *,
             seed: int, additions: int, folder: Path, cut_few: bool) -> bool:
    """Give each OPEN row its split; with `cut_few` returns False when there are too few groups, and deals nothing.

    Rows that share a value in any of `groups` stay together; with one of the first `additions` rows they train. Where
    two columns leave too few groups, the first one alone makes them.
    """
    count = len(verdicts)
    column, number = groups[0], FEW_GROUPS
    if len(groups) > 1:
        roots = components(groups, count, folder=folder, leave_out=verdicts == DROPPED)
        column, number = _joined(roots, verdicts, additions, folder)
        if number < FEW_GROUPS:
            column = groups[0]
    waiting = verdicts == OPEN
    if np.count_nonzero(waiting) <= _EXACT:
        return _deal_exactly(verdicts, column, labels, shares, seed, cut_few)
    _deal_by_chance(verdicts, column, shares, seed)
    return True


def _joined(roots: Places, verdicts: Verdicts, additions: int, folder: Path) -> tuple[Column, int]:
    """A column of the rows' components, and how many there are to deal out."""
    trains, dealt = np.zeros(len(roots), bool), np.zeros(len(roots), bool)
    trains[roots[:additions]] = True
    column = Column(folder / "components")
    for start in range(0, len(roots), 1024**2):
        part, verdict = roots[start : start + 1024**2], verdicts[start : start + 1024**2]
        verdict[(verdict == OPEN) & trains[part]] = TRAIN
        dealt[part[verdict == OPEN]] = True
        column.append(mixed(part.astype(np.uint64), 1))
    return column, int(np.count_nonzero(dealt))


def components(columns: Sequence[Column], count: int, *, folder: Path, leave_out: NDArray[np.bool_]) -> Places:
    """For each row the first row that it is connected with, through equal values in any column."""
    edges = Column(folder / "edges", "<i8")
    for column in columns:
        for starts, places, _ in equal_rows(column, leave_out=leave_out):
            firsts = np.repeat(places[starts], run_lengths(starts, len(places)))
            apart = firsts != places
            edges.append(firsts[apart].astype(np.int64) << 32 | places[apart])
    roots = np.arange(count, dtype=np.int32)
    while _hook(roots, edges):
        _flatten(roots)
    edges.close()
    return roots


def _hook(roots: Places, edges: Column) -> bool:
    """Hang the root at one end of each edge under that at the other; False when all ends have the same already."""
    changed = False
    for _, pairs in edges.chunks():
        first, second = roots[pairs >> 32], roots[pairs & 0xFFFFFFFF]
        apart = first != second
        first, second = first[apart], second[apart]
        np.minimum.at(roots, np.maximum(first, second), np.minimum(first, second))
        changed |= bool(len(first))
    return changed


def _flatten(roots: Places) -> None:
    for start in range(0, len(roots), 1024**2):
        part = roots[start : start + 1024**2]
        while (above := roots[part]).tobytes() != part.tobytes():
            part = above
        roots[start : start + len(part)] = part


def _deal_exactly(verdicts: Verdicts, column: Column, labels: Column | None, shares: Mapping[str, float],
                  seed: int, cut_few: bool) -> bool:
    waiting = np.flatnonzero(verdicts == OPEN)
    groups: dict[int, list[int]] = {}
    for place, key in zip(waiting.tolist(), column.whole()[waiting].tolist(), strict=True):
        groups.setdefault(key, []).append(place)
    if cut_few and len(groups) < FEW_GROUPS:
        return False
    kinds = labels.whole().tolist() if labels else None
    for name, places in deal(list(groups.values()), shares, seed=seed, labels=kinds).items():
        verdicts[places] = SPLITS.index(name)
    return True


def _deal_by_chance(verdicts: Verdicts, column: Column, shares: Mapping[str, float], seed: int) -> None:
    """Each group by its hash; a group too big for a small split trains."""
    rows = np.count_nonzero(verdicts == OPEN)
    most = max(1.0, min((share * rows for share in shares.values() if share), default=1.0))
    for starts, places, (hashes,) in equal_rows(column, column, leave_out=verdicts != OPEN):
        lengths = run_lengths(starts, len(places))
        drawn = mixed(hashes[starts], seed % 2**64) / 2.0**64
        verdict = np.full(len(starts), TRAIN, np.uint8)
        verdict[drawn < shares["validation"] + shares["test"]] = TEST
        verdict[drawn < shares["validation"]] = VALIDATION
        verdict[lengths > most] = TRAIN
        verdicts[places] = np.repeat(verdict, lengths)
