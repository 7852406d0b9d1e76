"""TMX, the exchange format of translation memories. Entities are refused (they can blow up to any size)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from modeling.datasets.dataset import Record, Table, looked_at
from modeling.errors import DataError

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_LONGEST_UNIT = 16 * 1024**2  # bytes


def read_tmx(path: Path) -> Table:
    """One record a translation unit, one column a language (its ISO code). Raises DataError."""
    file = _Bounded(path)
    first, rest = looked_at(_units(file), lambda: file.position)
    columns = list(dict.fromkeys(language for _, unit in first for language in unit))
    return Table(format="tmx", columns=columns, head=list(_values(first, columns)),
                 items=_values(rest, columns), named=True, size=path.stat().st_size, position=lambda: file.position)


class _Bounded:
    """The file for the parser, which would keep an element of any size in memory."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self.position = self.start = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.position += len(data)
        if self.position - self.start > _LONGEST_UNIT:
            raise DataError(f"the TMX has a unit of more than {_LONGEST_UNIT // 1024**2} MB",
                            remedy="Export the memory again")
        return data

    def close(self) -> None:
        self._file.close()


def _units(file: _Bounded) -> Iterator[tuple[int, dict[str, str]]]:
    number = 0
    parents: list[Any] = []
    try:
        for event, element in iterparse(file, events=("start", "end")):
            if event == "start":
                parents.append(element)
                continue
            parents.pop()
            if element.tag.rpartition("}")[2] == "tu":
                number += 1
                yield number, _unit(element)
                (parents[-1] if parents else element).clear()  # else its empty children would add up
                file.start = file.position
    except DefusedXmlException:
        raise DataError("the TMX declares entities of its own", allowed="A TMX needs none, and they are refused",
                        remedy="Export the memory without a DTD of its own") from None
    except (ParseError, ValueError, LookupError) as error:
        raise DataError(f"the TMX is no well-formed XML: {error}", remedy="Export the memory again") from None
    finally:
        file.close()


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
