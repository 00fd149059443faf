"""Open a local file of any format that a delivery can have."""

from __future__ import annotations

from pathlib import Path

from slipway.adapters.sources.csv_file import CsvFile
from slipway.adapters.sources.json_lines import JsonLines
from slipway.adapters.sources.parquet_file import ParquetFile
from slipway.spec.csv import Csv
from slipway.stages.ports.delivery_source import OpenDelivery


def open_delivery(path: Path, suffix: str, *, csv: Csv) -> OpenDelivery:
    """Open a file, or a folder of Parquet files.

    Args:
        path: Its name ends with `.gz` if it is compressed.
        suffix: Of the delivery, in lower case: one of `records.landing_area.SUFFIXES`.
        csv: Dialect of CSV files.

    Raises:
        BadBatch: It cannot be read.
    """
    match suffix.removesuffix(".gz"):
        case ".parquet" | ".pq":
            return ParquetFile.open(path)
        case ".jsonl" | ".ndjson":
            return JsonLines.open(path)
        case _:
            return CsvFile.open(path, csv, delimiter=csv.delimiter_of(suffix))
