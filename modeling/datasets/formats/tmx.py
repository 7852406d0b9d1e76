"""TMX, the exchange format of translation memories. Entities are refused (they can blow up to any size)."""

from __future__ import annotations

import io
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from modeling.datasets.dataset import Table
from modeling.errors import DataError

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def read_tmx(data: bytes) -> Table:
    """One record a translation unit, one column a language (its ISO code). Raises DataError."""
    units: list[dict[str, str]] = []
    try:
        for _, element in iterparse(io.BytesIO(data), events=("end",)):
            if element.tag.rpartition("}")[2] == "tu":
                units.append(_unit(element))
                element.clear()
    except DefusedXmlException:
        raise DataError("the TMX declares entities of its own", allowed="A TMX needs none, and they are refused",
                        remedy="Export the memory without a DTD of its own") from None
    except (ParseError, ValueError, LookupError) as error:
        raise DataError(f"the TMX is no well-formed XML: {error}", remedy="Export the memory again") from None
    columns = list(dict.fromkeys(language for unit in units for language in unit))
    records = [(number, [unit.get(column) for column in columns]) for number, unit in enumerate(units, start=1)]
    return Table(format="tmx", columns=columns, records=records, named=True)


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
