"""TMX, the exchange format of translation memories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from modeling.datasets.dataset import Record, Table, looked_at
from modeling.datasets.formats.xml_stream import XmlStream

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def read_tmx(path: Path) -> Table:
    """One record a translation unit, one column a language (its ISO code). Raises DataError."""
    file = XmlStream(path.open("rb"), "tu", what="TMX", unit="unit")
    units = ((number, _unit(element)) for number, element in enumerate(file, start=1))
    first, rest = looked_at(units, lambda: file.position)
    columns = list(dict.fromkeys(language for _, unit in first for language in unit))
    return Table(format="tmx", columns=columns, head=list(_values(first, columns)),
                 items=_values(rest, columns), named=True, size=path.stat().st_size, position=lambda: file.position)


def _values(units: Iterable[Any], columns: list[str]) -> Iterator[Record]:
    for number, unit in units:
        yield number, [unit.get(column) for column in columns]


def _unit(element: Any) -> dict[str, str]:
    """Language -> text of one <tu>."""
    unit: dict[str, str] = {}
    for variant in element.iter():
        if variant.tag.rpartition("}")[2] == "tuv":
            language = str(variant.get(_LANG) or variant.get("lang") or "").casefold().split("-")[0]
            segment = next((child for child in variant if child.tag.rpartition("}")[2] == "seg"), None)
            if segment is not None:
                unit.setdefault(language, "".join(segment.itertext()))
    return unit
