"""The database as files of rows, one JSON object a line, that go into SQLite and PostgreSQL alike.

Rows are read with the tables as they are, and loaded with the tables as they were then: the database is first migrated
to the state of the backup, by the migrations' own record of it, and afterwards to that of today.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import JSONField, Model

BATCH = 500
SESSIONS = "sessions"  # who is signed in stays so, and visitors without an account keep their conversations
LEFT_OUT = ("datasets.upload",)  # their bytes are still on the way
# Paths into the site's folders are absolute in the database, and relative in a backup.
PATHS = {"training.artifact": ("path",), "assistants.assistant": ("artifact", "documents")}
Targets = Mapping[str, list[str]]


def labels(every: Any = apps) -> list[str]:
    """The tables that a backup holds."""
    return sorted(model._meta.label_lower for model in every.get_models() if _kept(model))


def _kept(model: Any) -> bool:
    meta = model._meta
    ours = meta.app_label in settings.OWN_APPS or meta.app_label == SESSIONS
    return ours and meta.managed and not meta.auto_created and meta.label_lower not in LEFT_OUT


@contextmanager
def snapshot() -> Iterator[None]:
    """All reads inside see the database as it is at the first one, and keep nobody from writing."""
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
        return
    connection.ensure_connection()
    mode, connection.transaction_mode = connection.transaction_mode, "DEFERRED"  # IMMEDIATE would lock writers out
    try:
        with transaction.atomic():
            yield
    finally:
        connection.transaction_mode = mode


def migrations() -> dict[str, list[str]]:
    """The migrations that this database has seen, app by app."""
    seen: dict[str, list[str]] = {}
    for app, name in sorted(MigrationRecorder(connection).applied_migrations()):
        seen.setdefault(app, []).append(name)
    return seen


def write(folder: Path) -> dict[str, int]:
    """One file a table. Returns the number of rows of each."""
    return {label: _write_table(folder / f"{label}.jsonl", apps.get_model(label)) for label in labels()}


def _write_table(path: Path, model: Any) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in model._base_manager.order_by("pk").iterator(BATCH):
            values = {field.attname: _plain(field, row) for field in model._meta.concrete_fields}
            file.write(json.dumps(_moved(model, values, _relative), ensure_ascii=False) + "\n")
            count += 1
    return count


def _plain(field: Any, row: Model) -> Any:
    value = field.value_from_object(row)
    if value is None or isinstance(value, bool | int | float | str) or isinstance(field, JSONField):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def load(folder: Path, *, seen: Targets, home: Path) -> None:
    """Fill an empty database with the rows in `folder`, whose database had `seen` these migrations.

    `home` is where the site will live. References are checked at the end of the transaction, so the order of the
    tables does not matter.
    """
    executor = MigrationExecutor(connection)
    was = executor.migrate(_last(executor.loader.graph, seen)).apps
    with transaction.atomic():
        for label in labels(was):
            model = was.get_model(label)
            model._base_manager.all()._raw_delete(connection.alias)  # what migrations have put there
            _load_table(folder / f"{label}.jsonl", model, home)
        _restart_sequences(was)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def _last(graph: Any, seen: Targets) -> list[tuple[str, str]]:
    """Of each app the migration that the others lead to."""
    taken = {key for key in graph.nodes if key[1] in seen.get(key[0], [])}
    return [key for key in taken if not any(
        child.key in taken and child.key[0] == key[0] for child in graph.node_map[key].children)]


def _load_table(path: Path, model: Any, home: Path) -> None:
    for field in model._meta.concrete_fields:
        field.auto_now = field.auto_now_add = False  # these classes live for this load only; times stay as they were
    with path.open(encoding="utf-8") as file:
        while lines := list(islice(file, BATCH)):
            model._base_manager.bulk_create([_row(model, json.loads(line), home) for line in lines])


def _row(model: Any, values: dict[str, Any], home: Path) -> Any:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    values = _moved(model, values, lambda path: _absolute(path, home))
    return model(**{name: _typed(fields[name], value) for name, value in values.items()})


def _typed(field: Any, value: Any) -> Any:
    if isinstance(field, JSONField):
        return value
    return (field.target_field if field.is_relation else field).to_python(value)


def _restart_sequences(was: Any) -> None:
    """PostgreSQL counts on where the rows end; SQLite does so by itself."""
    from django.core.management.color import no_style  # noqa: PLC0415

    models = [was.get_model(label) for label in labels(was)]
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)


def _moved(model: Any, values: dict[str, Any], move: Callable[[str], str]) -> dict[str, Any]:
    named = {name: values[name] for name in PATHS.get(model._meta.label_lower, ()) if name in values}
    return {**values, **{name: _through(value, move) for name, value in named.items()}}


def _through(value: Any, move: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_through(one, move) for one in value]
    return move(value) if isinstance(value, str) else value


def _relative(path: str) -> str:
    for name, place in _places(settings.HOME):
        if path.startswith(place):
            return name + path.removeprefix(place)
    return path


def _absolute(path: str, home: Path) -> str:
    for name, place in _places(home):
        if path.startswith(name):
            return place + path.removeprefix(name)
    return path


def _places(home: Path) -> list[tuple[str, str]]:
    return [("{home}/", f"{home}/"), ("{root}/", f"{settings.ROOT}/")]
