"""read(): files to a Dataset."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from modeling.datasets.dataset import Dataset, Problem, Row, Table
from modeling.datasets.formats import FORMATS, SUFFIXES, naming, opened, opened_aligned
from modeling.datasets.languages import language_code, language_of, languages_in_name
from modeling.datasets.roles import find_roles, find_task
from modeling.datasets.rowfile import RowFile
from modeling.datasets.rows import to_rows
from modeling.errors import DataError
from modeling.tasks import TASKS
from modeling.text import without_surrogates

MOST_COLUMNS = 1000
MOST_PROBLEMS = 1000
PathLike = str | os.PathLike[str]


@dataclass(slots=True, kw_only=True)
class Part:
    """One file, or two aligned ones, opened: what it is, and its rows as they come."""

    files: list[Path]
    table: Table
    task: str
    roles: dict[str, str]  # role -> column
    languages: tuple[str | None, str | None]  # of source and target

    @property
    def name(self) -> str:
        return _name(self.files)

    def items(self) -> Iterator[Row | Problem]:
        """Rows and problems, once. Raises DataError for a fault that makes the rest unreadable."""
        try:
            for item in to_rows(self.table, self.task, self.roles, self.languages):
                yield replace(item, file=self.name) if isinstance(item, Problem) else item
        except DataError as error:
            raise naming(error, self.name) from None


def read(paths: PathLike | Iterable[PathLike], *, task: str | None = None,
         columns: Mapping[str, str | int] | None = None, format: str | None = None) -> Dataset:
    """Read one data set from a file, a folder of files, or several files, into memory.

    `columns` maps roles of the task to column names or indexes from 0; a language role can also be given a language.
    Files whose suffixes are two languages (train.en, train.fr), or two text files for translation, are read as
    aligned. Several other files are read one after the other. Raises DataError when there is no usable row.
    """
    return _joined([_dataset(part) for part in parts(paths, task=task, columns=columns, format=format)])


def read_to_file(path: Path, paths: PathLike | Iterable[PathLike], *, task: str,
                 columns: Mapping[str, str | int] | None = None) -> Dataset:
    """The same with the rows in the file `path`, as JSON lines; of the problems only the first are kept."""
    opened: list[Part] = []
    problems: list[Problem] = []

    def rows() -> Iterator[Row]:
        for part in parts(paths, task=task, columns=columns):
            opened.append(part)
            for item in part.items():
                if not isinstance(item, Problem):
                    yield item
                elif len(problems) < MOST_PROBLEMS:
                    problems.append(item)

    stored = RowFile.write(path, rows())
    if not stored:
        raise unusable(opened[0].name, len(problems), problems)
    first = opened[0]
    return Dataset(task=task, rows=stored, problems=problems, format=first.table.format, encoding=first.table.encoding,
                   columns=first.roles, header=first.table.columns, languages=_languages(task, stored),
                   files=[str(file) for part in opened for file in part.files])


class UnclearError(DataError):
    """What is in the columns of `part` could not be told; a person can say it."""

    def __init__(self, error: DataError, part: Part) -> None:
        super().__init__(error.found, allowed=error.allowed, remedy=error.remedy)
        self.part = part


def parts(paths: PathLike | Iterable[PathLike], *, task: str | None = None,
          columns: Mapping[str, str | int] | None = None, format: str | None = None) -> Iterator[Part]:
    """The same, opened one after the other; the first one's task is that of all. Raises DataError."""
    if task is not None and task not in TASKS:
        raise DataError(f"there is no task {task!r}", allowed=f"Tasks are {', '.join(TASKS)}")
    if format is not None and format not in FORMATS:
        raise DataError(f"there is no format {format!r}", allowed=f"Formats are {', '.join(FORMATS)}")
    for files, pair in _together(files_of(paths), task, format):
        with _opened(files, pair, format, task, columns) as table:
            part = _part(table, "translation" if pair else task, columns, files)
            task = part.task
            yield part


def files_of(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    """The data files: those named, and those in a folder that is named. Raises DataError."""
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


def _together(files: Sequence[Path], task: str | None, format: str | None,
              ) -> list[tuple[list[Path], list[str] | None]]:
    """Files to be read together, with names for their two columns when they are each other's translation."""
    if task not in (None, "translation") or format not in (None, "parallel"):
        return [([file], None) for file in files]
    plain = all(SUFFIXES.get(file.suffix.lower(), "text") == "text" for file in files)
    pairs: dict[str, dict[str | None, Path]] = {}
    for file in files:
        code, rest = _language_of_name(file)
        pairs.setdefault(rest if len(files) > 2 else "", {})[code] = file  # two need not be called alike
    if plain and sum(map(len, pairs.values())) == len(files) and all(
            len(pair) == 2 and None not in pair for pair in pairs.values()):
        return [(list(pair.values()), [code for code in pair if code]) for pair in pairs.values()]
    if len(files) == 2 and (format == "parallel" or (task and plain)):
        return [(list(files), ["0", "1"])]
    return [([file], None) for file in files]


def _language_of_name(file: Path) -> tuple[str | None, str]:
    """("fr", "train txt") of train.fr.txt: the language, and the rest of the name."""
    parts = file.name.split(".")
    for place in (-1, -2)[: len(parts)]:
        if code := language_code(parts[place]):
            del parts[place]
            return code, " ".join(parts)
    return None, file.name


def _opened(files: list[Path], pair: list[str] | None, format: str | None, task: str | None,
            columns: Mapping[str, Any] | None) -> AbstractContextManager[Table]:
    if pair:
        return opened_aligned(files, pair)
    if format == "parallel":
        raise DataError(f"{files[0].name} is one file", allowed="The format parallel needs two files")
    names = [name for name in (columns or {}).values() if isinstance(name, str) and not name.isdigit()]
    return opened(files[0], format=format, task=task, names=names)


def _name(files: Sequence[Path]) -> str:
    return without_surrogates(" and ".join(file.name for file in files))


def _part(table: Table, task: str | None, columns: Mapping[str, Any] | None, files: list[Path]) -> Part:
    task = task or find_task(table, columns)
    roles: dict[str, str] = {}
    try:
        if len(table.columns) > MOST_COLUMNS:
            raise DataError(f"there are {len(table.columns):,} columns", allowed=f"At most {MOST_COLUMNS:,}",
                            remedy="Leave out those that are not needed")
        if table.head:
            roles = find_roles(table, task, columns)
        elif (first := next(table.items, None)) is None:
            raise DataError("there is no row", remedy="Choose another file")
        else:  # problems only
            table.items = chain([first], table.items)
    except DataError as error:
        part = Part(files=files, table=table, task=task, roles={}, languages=(None, None))
        raise UnclearError(naming(error, _name(files)), part) from None
    pair = _pair(table, roles, files) if task == "translation" and roles else (None, None)
    return Part(files=files, table=table, task=task, roles=roles, languages=pair)


def _dataset(part: Part) -> Dataset:
    rows: list[Row] = []
    problems: list[Problem] = []
    for item in part.items():
        if isinstance(item, Problem):
            problems.append(item)
        else:
            rows.append(item)
    if not rows:
        raise unusable(part.name, len(problems), problems)
    return Dataset(task=part.task, rows=rows, problems=problems, format=part.table.format,
                   encoding=part.table.encoding, columns=part.roles, header=part.table.columns,
                   languages=_languages(part.task, rows), files=[str(file) for file in part.files])


def unusable(name: str, count: int, problems: Sequence[Problem]) -> DataError:
    """Every row has a problem."""
    return DataError(f"{name}: none of the {count:,} rows can be used",
                     allowed=f"The first problem is: {replace(problems[0], file='')}" if problems else "",
                     remedy="Mend the file or choose other columns")


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
            named[side] = language_of(str(values[place]) for _, values in table.head)
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
