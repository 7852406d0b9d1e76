"""Parquet, through pyarrow, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modeling.datasets.dataset import Record, Table, looked_at
from modeling.errors import DataError

_MOST_BYTES = 64 * 1024**3  # uncompressed
_BATCH = 500  # rows


def read_parquet(path: Path) -> Table:
    """One record a row. Raises DataError."""
    import pyarrow as pa  # takes 0.2 s, and few processes ever read Parquet
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path, buffer_size=1024**2, pre_buffer=False)
        metadata = file.metadata
        size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
        names = [str(name) for name in file.schema_arrow.names]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(error) from None
    if size > _MOST_BYTES:
        raise DataError(f"the Parquet file unpacks to {size:,} bytes", allowed=f"At most {_MOST_BYTES:,}",
                        remedy="Split it")
    rows = _Rows(file, path.stat().st_size)
    head, items = looked_at(rows, rows.position)
    return Table(format="parquet", columns=names, head=head, items=items, named=True,
                 size=path.stat().st_size, position=rows.position)


class _Rows:
    """Iterating gives the records; `position` says how many bytes of the file they are."""

    def __init__(self, file: Any, size: int) -> None:
        self._file, self._size, self._seen = file, size, 0

    def position(self) -> int:
        return self._size * self._seen // max(1, self._file.metadata.num_rows)

    def __iter__(self) -> Iterator[Record]:
        import pyarrow as pa

        try:
            for batch in self._file.iter_batches(batch_size=_BATCH, use_threads=False):
                columns: list[list[Any]] = [column.to_pylist() for column in batch.columns]
                for values in zip(*columns, strict=True):
                    self._seen += 1
                    yield self._seen, list(values)
        except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
            raise _unreadable(error) from None


def _unreadable(error: Exception) -> DataError:
    return DataError(f"the Parquet file cannot be read: {(str(error) or 'too much memory').splitlines()[0]}",
                     remedy="Write it again, or export CSV")
