"""Roles: which column of a table is the text, which the label. Given by the caller, else by name, else by looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modeling.datasets.dataset import Table
from modeling.datasets.languages import language_code, language_of
from modeling.errors import DataError
from modeling.tasks import TASKS

SAY = "Say which column has which role"
FAQ = ("A list of questions with answers (FAQ) needs no training: add the file to the documents of an assistant that "
       "answers questions. Else say which column has the passages")


def find_task(table: Table, columns: Mapping[str, Any] | None) -> str:
    """The task that the columns are for, when the caller does not say."""
    roles = set(columns or ())
    names = {name.casefold() for name in table.columns}
    if roles & {"question", "answers"} or table.format == "squad" or {"context", "question", "answers"} <= names:
        return "question-answering"
    if names & {"question", "问题"} and names & {"answer", "answers", "reply", "答案", "回答"}:
        return "question-answering"
    if roles & {"source", "target"} or table.format in ("tmx", "parallel") or {"source", "target"} <= names:
        return "translation"
    if len(_language_columns(table)) >= 2:
        return "translation"
    if roles & {"summary"} or ("summary" in names and "label" not in roles | names):
        return "summarisation"
    if "label" in roles or any(_by_name(table, "classification", "label") == name for name in table.columns):
        return "classification"
    if roles or table.format == "text" or _is_taught(table, names):
        return "generation"
    return _task_by_looks(table)


def _is_taught(table: Table, names: set[str]) -> bool:
    """Whether the columns are called as instructions with their answers are."""
    known = TASKS["generation"].names
    return table.named and (bool(names & {"messages", "conversations"})
                            or ("instruction" in names and bool(names & set(known["response"]))))


def find_roles(table: Table, task: str, columns: Mapping[str, Any] | None) -> dict[str, str]:
    """Role -> column. Raises DataError when a role that the task needs stays without a column."""
    roles = {role: _column(table, role, wanted) for role, wanted in (columns or {}).items()}
    allowed = {**TASKS[task].roles, **TASKS[task].optional}
    if unknown := set(roles) - set(allowed):
        raise DataError(f"{', '.join(sorted(unknown))} is no role of {task}", allowed=f"Roles are {', '.join(allowed)}")
    for role in allowed:
        if role not in roles and (name := _by_name(table, task, role, taken=roles.values())):
            roles[role] = name
    if task == "translation":
        _languages_as_columns(table, roles)
    needed = TASKS[task].needed
    if task == "generation":
        needed = _instructions(roles, columns or {})
    if task in ("summarisation", "generation", "classification", "translation"):
        _by_looks(table, task, roles) if needed == TASKS[task].needed else None
    if missing := [role for role in needed if role not in roles]:
        raise DataError(
            f"no column was found for these roles: {', '.join(missing)}; there are {_listed(table.columns) or 'none'}",
            allowed=f"{task} needs {', '.join(TASKS[task].needed)}", remedy=FAQ if missing == ["context"] else SAY)
    return roles


def _instructions(roles: dict[str, str], given: Mapping[str, Any]) -> tuple[str, ...]:
    """What a table of texts or of instructions needs; a column that was found by its name gives way to a text."""
    pair = {"instruction", "response"}
    if "messages" in roles and "text" not in given:
        wanted = {"messages"}
    elif pair <= set(roles) and ("text" not in roles or pair & set(given)):
        wanted = (pair | {"input"}) & set(roles)
    else:
        wanted = {"text"} | set(given)
    for role in set(roles) - wanted:
        del roles[role]
    return tuple(sorted(wanted - {"input"})) if "text" not in wanted else TASKS["generation"].needed


def text_column(table: Table, wanted: str | int | None = None) -> str:
    """The column with the texts: as wanted, by its name, or the one with the longest ones. Raises DataError."""
    if wanted is not None:
        return _column(table, "text", wanted)
    if found := _by_name(table, "classification", "text"):
        return found
    texts = sorted((look for look in looks(table) if look.letters), key=lambda look: -look.length)
    if not texts:
        raise DataError(f"no column with texts was found; there are {_listed(table.columns) or 'none'}",
                        remedy="Say which column has the texts")
    return texts[0].name


def _column(table: Table, role: str, wanted: Any) -> str:
    """A column by its name or its index from 0; a language can stand for itself."""
    if isinstance(wanted, str) and wanted in table.columns:
        return wanted
    if str(wanted).isdigit() and int(wanted) < len(table.columns):
        return table.columns[int(wanted)]
    if role.endswith("_language") and isinstance(wanted, str) and language_code(wanted):
        return wanted
    raise DataError(f"there is no column {wanted!r} for {role}",
                    allowed=f"Columns are {_listed(table.columns)}; an index counts from 0")


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(name[:60] for name in columns[:30]) + (", ..." if len(columns) > 30 else "")


def _by_name(table: Table, task: str, role: str, taken: Any = ()) -> str | None:
    if not table.named:
        return None
    by_name = {name.casefold(): name for name in reversed(table.columns)}
    return next((by_name[name] for name in TASKS[task].names[role]
                 if name in by_name and by_name[name] not in taken), None)


def _languages_as_columns(table: Table, roles: dict[str, str]) -> None:
    named = [name for name in _language_columns(table) if name not in roles.values()]
    for role in ("source", "target"):
        if role not in roles and named:
            roles[role] = named.pop(0)


def _language_columns(table: Table) -> list[str]:
    """Columns called by a language. "id" is Indonesian only where nothing else makes the pair."""
    named = [name for name in table.columns if language_code(name)] if table.named else []
    others = [name for name in named if name != "id"]
    return others if len(others) >= 2 else named


def _by_looks(table: Table, task: str, roles: dict[str, str]) -> None:
    """Fill roles from columns whose values fit: texts by their length, labels by how often they come back."""
    unused = [look for look in looks(table) if look.name not in roles.values()]
    varied = [look for look in unused if look.distinct > 1]  # a prompt that is the same in each row says nothing
    free = varied if len(varied) >= len(TASKS[task].needed) - len(roles) else unused
    if task == "classification" and "label" not in roles:
        labels = [look for look in free if look.is_label]
        if labels:
            roles["label"] = min(labels, key=lambda look: look.length).name
            free = [look for look in free if look.name != roles["label"]]
    longest = sorted((look for look in free if look.letters), key=lambda look: -look.length)
    if task == "translation":
        for role in ("source", "target"):
            if role not in roles and free:
                roles[role] = free.pop(0).name
    elif "text" not in roles and longest:
        roles["text"] = longest.pop(0).name
    if task == "summarisation" and "summary" not in roles and longest and not table.named:
        roles["summary"] = longest[0].name


class Look:
    """What the values of one column look like, from the first records."""

    __slots__ = ("distinct", "examples", "filled", "is_label", "letters", "length", "name")

    def __init__(self, name: str, values: list[Any]) -> None:
        texts = ["\n".join(map(str, value)) if isinstance(value, list) else str(value)
                 for value in values if value is not None]
        self.name, self.distinct = name, len(set(texts))
        self.length = sum(map(len, texts)) / max(1, len(texts))
        self.letters = any(any(map(str.isalpha, text)) for text in texts[:100])
        self.filled = sum(bool(text.strip()) for text in texts) / max(1, len(values))  # share
        self.examples = [text[:120] for text in dict.fromkeys(texts) if text.strip()][:3]
        self.is_label = (2 <= self.distinct <= max(2, min(200, len(texts) // 5)) and self.length < 40
                         and self.filled > 0.9)


def looks(table: Table) -> list[Look]:
    """One Look a column, at the first records."""
    return [Look(name, [values[index] for _, values in table.head]) for index, name in enumerate(table.columns)]


def _task_by_looks(table: Table) -> str:
    columns = looks(table)
    if any(look.is_label for look in columns) and len(columns) > 1:
        return "classification"
    texts = [table.columns.index(look.name) for look in columns if look.letters and look.distinct > 1]
    if len(texts) == 2:
        first, second = (language_of(str(values[index]) for _, values in table.head[:500]) for index in texts)
        if first and second and first != second:
            return "translation"
        return "summarisation"
    return "generation"
