"""Parquet, through pyarrow."""

from __future__ import annotations

from typing import Any

from modeling.datasets.dataset import Table
from modeling.errors import DataError

_MOST_BYTES = 4 * 1024**3  # uncompressed


def read_parquet(data: bytes) -> Table:
    """One record a row. Raises DataError."""
    import pyarrow as pa  # takes 0.2 s, and few processes ever read Parquet
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            if (size := sum(group.total_byte_size for group in groups)) > _MOST_BYTES:
                raise DataError(f"the Parquet file unpacks to {size:,} bytes", allowed=f"At most {_MOST_BYTES:,}",
                                remedy="Split it")
            table = file.read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"the Parquet file cannot be read: {str(error).splitlines()[0]}",
                        remedy="Write it again, or export CSV") from None
    columns: list[list[Any]] = [column.to_pylist() for column in table.columns]
    records = [(number, list(values)) for number, values in enumerate(zip(*columns, strict=True), start=1)]
    return Table(format="parquet", columns=[str(name) for name in table.column_names], records=records, named=True)
