"""XML of any size as a stream of elements; none of them, and no number of them, fills the memory. Entities are refused
(they can blow up to any size)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from modeling.errors import DataError

_LONGEST_UNIT = 16 * 1024**2  # bytes


class XmlStream:
    """The elements called `tag`, whatever their namespace, one after the other; each is gone when the next one comes.

    `what` and `unit` say in an error what the file is and what an element of it. It ends at the end of an element
    called `until`. Raises DataError.
    """

    def __init__(self, file: IO[bytes], tag: str, *, what: str, unit: str, until: str = "") -> None:
        self._file, self._tag, self._until, self._what, self._unit = file, tag, until, what, unit
        self.position = self._start = 0  # bytes read so far

    def read(self, size: int = -1) -> bytes:
        """For the parser, which would keep an element of any size in memory."""
        data = self._file.read(size)
        self.position += len(data)
        if self.position - self._start > _LONGEST_UNIT:
            raise DataError(f"the {self._what} has a {self._unit} of more than {_LONGEST_UNIT // 1024**2} MB",
                            remedy="Export it again")
        return data

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._elements()
        except DefusedXmlException:
            raise DataError(f"the {self._what} declares entities of its own", allowed="None are needed, and they are "
                            "refused", remedy="Export it without a DTD of its own") from None
        except (ParseError, ValueError, LookupError) as error:
            raise DataError(f"the {self._what} is no well-formed XML: {error}", remedy="Export it again") from None
        finally:
            self._file.close()

    def _elements(self) -> Iterator[Any]:
        parents: list[Any] = []
        for event, element in iterparse(self, events=("start", "end")):
            if event == "start":
                parents.append(element)
                continue
            parents.pop()
            name = element.tag.rpartition("}")[2]
            if name == self._tag:
                yield element
                (parents[-1] if parents else element).clear()  # else its empty children would add up
                self._start = self.position
            elif name == self._until:
                return
