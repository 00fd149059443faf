"""Small CSV files, and what is read of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slipway.adapters.sources.open_delivery import open_delivery
from slipway.spec.csv import Csv
from slipway.stages.ports.delivery_source import BrokenLine

Read = tuple[list[tuple[Any, ...]], list[int], list[BrokenLine]]


def read(path: Path, csv: Csv | None = None, columns: Sequence[str] = (), **more: int) -> Read:
    """Rows, the lines on which they begin, and broken lines; by default of all columns."""
    suffix = "".join(path.suffixes[-2:]).lower()
    file = open_delivery(path, suffix, csv=csv or Csv())
    wanted = list(columns or file.names)
    rows, lines, broken = [], [], []
    for some in file.rows(wanted, **more):
        cells = [some.columns[name].to_pylist() for name in wanted]
        assert some.lines is not None
        assert some.count == len(some.lines)
        rows += list(zip(*cells, strict=True))
        lines += list(some.lines)
        broken += some.broken
    return rows, lines, broken


def write(folder: Path, data: str | bytes, name: str = "a.csv") -> Path:
    """A file."""
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path
