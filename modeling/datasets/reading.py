"""read(): files to a Dataset."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from modeling.datasets.dataset import Dataset, Table
from modeling.datasets.formats import FORMATS, SUFFIXES, read_aligned_files, read_file
from modeling.datasets.languages import language_code, language_of, languages_in_name
from modeling.datasets.roles import find_roles, find_task
from modeling.datasets.rows import to_rows
from modeling.errors import DataError
from modeling.tasks import TASKS

PathLike = str | os.PathLike[str]


def read(paths: PathLike | Iterable[PathLike], *, task: str | None = None,
         columns: Mapping[str, str | int] | None = None, format: str | None = None) -> Dataset:
    """Read one data set from a file, a folder of files, or several files.

    `columns` maps roles of the task to column names or indexes from 0; a language role can also be given a language.
    Two files whose suffixes are languages (train.en, train.fr), or two text files for translation, are read as
    aligned. Several other files are read one after the other. Raises DataError when there is no usable row.
    """
    if task is not None and task not in TASKS:
        raise DataError(f"there is no task {task!r}", allowed=f"Tasks are {', '.join(TASKS)}")
    if format is not None and format not in FORMATS:
        raise DataError(f"there is no format {format!r}", allowed=f"Formats are {', '.join(FORMATS)}")
    files = _files(paths)
    if pair := _aligned(files, task, format):
        parts = [_dataset(read_aligned_files(files, pair), "translation", columns, files)]
    else:
        parts = []
        for file in files:
            parts.append(_dataset(_table(file, format, task, columns), task, columns, [file]))
            task = task or parts[0].task
    return _joined(parts)


def _files(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    given = [Path(paths)] if isinstance(paths, str | os.PathLike) else [Path(path) for path in paths]
    files: list[Path] = []
    for path in given:
        if path.is_dir():
            files += sorted(file for file in path.iterdir() if file.is_file() and file.suffix.lower() in SUFFIXES
                            and file.suffix != ".md")
        elif path.exists():
            files.append(path)
        else:
            raise DataError(f"there is no file {path.name}", remedy="Check the path")
    if not files:
        raise DataError("there is no data file", allowed=f"A folder is searched for {', '.join(SUFFIXES)}")
    return files


def _aligned(files: Sequence[Path], task: str | None, format: str | None) -> list[str] | None:
    """Names for the two columns when the files are each other's translation."""
    if len(files) != 2 or task not in (None, "translation") or format not in (None, "parallel"):
        return None
    codes = [language_code(file.suffix[1:]) for file in files]
    if not all(codes):
        codes = [language_code(file.stem.rpartition(".")[2]) for file in files]
    if all(codes) and codes[0] != codes[1] and files[0].suffix != ".tmx":
        return [code for code in codes if code]
    plain = all(SUFFIXES.get(file.suffix.lower(), "text") == "text" for file in files)
    return ["0", "1"] if format == "parallel" or (task and plain) else None


def _table(file: Path, format: str | None, task: str | None, columns: Mapping[str, Any] | None) -> Table:
    names = [name for name in (columns or {}).values() if isinstance(name, str) and not name.isdigit()]
    if format == "parallel":
        raise DataError(f"{file.name} is one file", allowed="The format parallel needs two files")
    return read_file(file, format=format, task=task, names=names)


def _dataset(table: Table, task: str | None, columns: Mapping[str, Any] | None, files: list[Path]) -> Dataset:
    name = " and ".join(file.name for file in files)
    task = task or find_task(table, columns)
    try:
        if not table.records and not table.problems:
            raise DataError("there is no row", remedy="Choose another file")
        roles = find_roles(table, task, columns) if table.records else {}
    except DataError as error:
        raise DataError(f"{name}: {error.found}", allowed=error.allowed, remedy=error.remedy) from None
    pair = _pair(table, roles, files) if task == "translation" and roles else (None, None)
    rows, problems = to_rows(table, task, roles, pair)
    problems = sorted(table.problems + problems, key=lambda problem: problem.line or 0)
    if not rows:
        raise DataError(f"{name}: none of the {len(table.records) + len(table.problems):,} rows can be used",
                        allowed=f"The first problem is: {problems[0]}", remedy="Mend the file or choose other columns")
    return Dataset(task=task, rows=rows, problems=[replace(problem, file=name) for problem in problems],
                   format=table.format, encoding=table.encoding, columns=roles, header=table.columns,
                   languages=_languages(task, rows), files=[str(file) for file in files])


def _pair(table: Table, roles: Mapping[str, str], files: Sequence[Path]) -> tuple[str | None, str | None]:
    """Source and target language: from the columns' names, else the file's name, else the texts."""
    named = [language_code(roles[role]) if table.named or table.format == "parallel" else None
             for role in ("source", "target")]
    if not all(named) and len(files) == 1 and (pair := languages_in_name(files[0].name)):
        named = list(pair)
        if table.columns.index(roles["source"]) > table.columns.index(roles["target"]):
            named.reverse()
    for side, role in enumerate(("source", "target")):
        if not named[side] and f"{role}_language" not in roles:
            place = table.columns.index(roles[role])
            named[side] = language_of(str(values[place]) for _, values in table.records)
    return named[0], named[1]


def _languages(task: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if task == "translation":
        codes = dict.fromkeys(row[role] for role in ("source_language", "target_language") for row in rows)
        return [code for code in codes if code]
    role = "context" if task == "question-answering" else "text"
    step = max(1, len(rows) // 500)
    code = language_of(row[role][:2000] for row in rows[::step])
    return [code] if code else []


def _joined(parts: Sequence[Dataset]) -> Dataset:
    """Several files of one task as one data set."""
    first = parts[0]
    if len(parts) == 1:
        return first
    return Dataset(
        task=first.task, rows=[row for part in parts for row in part.rows],
        problems=[problem for part in parts for problem in part.problems],
        format=" and ".join(dict.fromkeys(part.format for part in parts)),
        encoding=" and ".join(dict.fromkeys(part.encoding for part in parts if part.encoding)),
        columns=first.columns, header=first.header,
        languages=list(dict.fromkeys(code for part in parts for code in part.languages)),
        files=[file for part in parts for file in part.files])
