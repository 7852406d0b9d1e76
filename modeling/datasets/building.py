"""build(): files of any size to checked rows in splits, with a report, in flat memory."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modeling.datasets.collecting import Collected, collect
from modeling.datasets.dataset import Row
from modeling.datasets.dealing import (
    DROPPED,
    OPEN,
    Findings,
    Verdicts,
    deal_out,
    find_conflicts,
    find_duplicates,
    find_leaks,
    replace_by_additions,
)
from modeling.datasets.reading import PathLike, UnclearError, files_of
from modeling.datasets.report import Report
from modeling.datasets.splits import SPLITS, cut, shares_of
from modeling.errors import ConfigError, DataError

Event = dict[str, Any]
OnEvent = Callable[[Event], None]

_READ, _SORTED = 0.85, 0.92  # shares of the time that are over after reading and after sorting


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildOptions:
    validation: float = 0.1
    """Share of the rows for validation, where no file is named for it."""
    test: float = 0.1
    """Share of the rows for the frozen test split, where no file is named for it."""
    seed: int = 0
    """Of the splits."""
    drop_duplicates: bool = True
    """Whether of equal rows only the first is kept."""

    def __post_init__(self) -> None:
        for name in ("validation", "test"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}", allowed="a share from 0 to below 1", field=name)
        shares_of(self.validation, self.test)


def build(files: PathLike | Sequence[PathLike], out: PathLike, *, task: str | None = None,
          columns: Mapping[str, str | int] | None = None, format: str | None = None,
          options: BuildOptions | None = None, additions: Path | None = None,
          on_event: OnEvent = lambda event: None) -> dict[str, Any]:
    """Write the folder `out` and return the report that lies in it.

    {train,validation,test}.jsonl hold the rows, problems.jsonl what is wrong with others, report.json the report. The
    folder appears whole at the end or not at all. `additions` are rows of the task's schema, JSON lines: they train,
    and take the place of rows that ask the same. Files named as train, validation (or dev) and test stay these splits.
    Raises DataError and ConfigError.
    """
    found, out, options = files_of(files), Path(out), options or BuildOptions()
    with _draft(out) as folder:
        progress = Progress(Report(found), on_event)
        with progress.telling_faults():
            collected = collect(found, folder / "work", progress, task=task, columns=columns, format=format,
                                additions=additions)
        verdicts, findings, whole = _dealt(collected, folder / "work", options)
        progress.tell(_SORTED, "sorted")
        shares = _shares(collected, options)
        counts, texts = _written(folder, collected, verdicts, shares, findings, cut_rows=not whole)
        _note(progress.report, findings, texts, counts, collected)
        (folder / "work" / "problems.jsonl").rename(folder / "problems.jsonl")
        report = progress.finished()
        (folder / "report.json").write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
        collected.close()
        shutil.rmtree(folder / "work")
    on_event({"event": "report", "report": report})
    return report


def read_rows(path: PathLike) -> Iterator[Row]:
    """The rows of a split that `build` wrote, one after the other."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


class Progress:
    """Tells the report about once a second, and how far the work is."""

    def __init__(self, report: Report, on_event: OnEvent) -> None:
        self.report, self.read = report, 0
        self._on_event = on_event
        self._started = self._told = time.monotonic()

    def reading(self, read: int) -> None:
        """`read` bytes of the files are read."""
        self.read = read
        if time.monotonic() - self._told >= 1:
            self.tell(_READ * min(1.0, read / max(1, self.report.bytes)), "reading")

    def tell(self, progress: float, note: str) -> None:
        self._told = time.monotonic()
        seconds = self._told - self._started
        self._on_event({"event": "report", "report": self.report.as_json(seconds=seconds, read=self.read)})
        left = seconds * (1 - progress) / progress if progress > 0.01 else None
        self._on_event({"progress": round(progress, 4), "note": note,
                        "seconds_left": None if left is None else round(left)})

    @contextmanager
    def telling_faults(self) -> Iterator[None]:
        """Before a fault goes on, tell what was found: somebody may choose other columns by it."""
        try:
            yield
        except DataError as error:
            if isinstance(error, UnclearError):
                self.report.start_part(error.part)
            self.tell(0, "reading")
            raise

    def finished(self) -> dict[str, Any]:
        seconds = time.monotonic() - self._started
        return self.report.as_json(seconds=seconds, read=self.report.bytes, done=True)


@contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """A folder beside `out` that becomes it at the end, and vanishes when anything goes wrong."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise DataError(f"{out.name} is there already", remedy="Name a folder that does not exist yet")
    draft = out.parent / f".{out.name}.building"
    shutil.rmtree(draft, ignore_errors=True)  # of a build that was killed
    try:
        (draft / "work").mkdir(parents=True)
        yield draft
        for file in draft.iterdir():
            _sync(file)
        _sync(draft)
        draft.rename(out)
        _sync(out.parent)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DataError("the disk is full", allowed="A build needs about twice the room of its files",
                        remedy="Make room and try again") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shares(collected: Collected, options: BuildOptions) -> dict[str, float]:
    """Shares to deal out: splits that have files of their own get nothing more."""
    return shares_of(0.0 if "validation" in collected.given else options.validation,
                     0.0 if "test" in collected.given else options.test)


def _dealt(collected: Collected, folder: Path, options: BuildOptions) -> tuple[Verdicts, Findings, bool]:
    """A verdict on each row, what was found, and whether rows go to the splits whole."""
    findings, verdicts = Findings(), collected.verdicts()
    single = collected.task != "translation"  # a text can have several right translations
    replace_by_additions(verdicts, collected.inputs, collected.additions, findings, all_splits=single)
    if single:
        find_conflicts(collected.inputs, collected.rows, findings)
    find_duplicates(verdicts, collected.rows, findings, drop=options.drop_duplicates)
    whole = deal_out(verdicts, collected.groups, collected.labels, _shares(collected, options), seed=options.seed,
                     additions=0 if single else collected.additions, folder=folder,
                     cut_few=collected.task == "generation")
    if collected.given:
        find_leaks(verdicts, collected.inputs, findings)
    return verdicts, findings, whole


def _written(folder: Path, collected: Collected, verdicts: Verdicts, shares: Mapping[str, float], findings: Findings, *,
             cut_rows: bool) -> tuple[dict[str, int], dict[int, dict[str, Any]]]:
    """Rows of each split, and the rows that the report shows, by place."""
    wanted = {*findings.duplicate_places, *findings.leak_places, *sum(findings.conflict_places, [])}
    shown: dict[int, dict[str, Any]] = {}
    outs = [(folder / f"{name}.jsonl").open("wb") for name in SPLITS]
    counts = np.bincount(verdicts, minlength=OPEN + 1)[: len(SPLITS)]
    try:
        with collected.spool.open("rb") as lines:
            for place, (line, verdict) in enumerate(zip(lines, verdicts.tobytes(), strict=True)):
                if place in wanted:
                    shown[place] = json.loads(line)
                if verdict < DROPPED:
                    outs[verdict].write(line)
                elif verdict == OPEN and cut_rows:
                    for name, row in cut(json.loads(line), shares).items():
                        outs[SPLITS.index(name)].write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
                        counts[SPLITS.index(name)] += 1
    finally:
        for file in outs:
            file.close()
    return dict(zip(SPLITS, counts.tolist(), strict=True)), shown


def _note(report: Report, found: Findings, rows: Mapping[int, dict[str, Any]], counts: dict[str, int],
          collected: Collected) -> None:
    report.known = {
        "duplicates": {"rows": found.duplicates, "examples": [_text(rows[p]) for p in found.duplicate_places]},
        "conflicts": {"inputs": found.conflicts, "rows": found.conflict_rows, "examples": [
            {"text": _text(rows[places[0]]), "labels": [_answer(rows[place]) for place in places]}
            for places in found.conflict_places]},
        "leakage": {"rows": found.leaks, "examples": [_text(rows[p]) for p in found.leak_places]},
        "splits": counts, "given_splits": sorted(collected.given),
        "additions": {"rows": collected.additions, "replaced": found.replaced},
    }


def _text(row: Mapping[str, Any]) -> str:
    return str(row.get("question") or row.get("text") or row.get("source"))[:200]


def _answer(row: Mapping[str, Any]) -> str:
    if "answers" in row:
        return str(row["answers"][0]["text"] if row["answers"] else "")[:100]
    return str(row.get("label") or row.get("summary") or row.get("target") or "")[:100]
