"""Open a local file of any format that a delivery can have."""

from __future__ import annotations

from pathlib import Path

from slipway.adapters.sources.csv_file import CsvFile
from slipway.adapters.sources.json_lines import JsonLines
from slipway.adapters.sources.limits import LimitedDelivery, refuse_many_columns
from slipway.adapters.sources.parquet_file import ParquetFile
from slipway.settings import DeliveryLimits
from slipway.spec.csv import Csv
from slipway.stages.ports.delivery_source import OpenDelivery


def open_delivery(
    path: Path, suffix: str, *, csv: Csv, limits: DeliveryLimits | None = None
) -> OpenDelivery:
    """Open a file, or a folder of Parquet files.

    Args:
        path: Its name ends with `.gz` if it is compressed.
        suffix: Of the delivery, in lower case: one of `records.landing_area.SUFFIXES`.
        csv: Dialect of CSV files.
        limits: Limits of a delivery; None: those of the environment.

    Raises:
        BadBatch: It cannot be read.
        OverLimit: It exceeds a limit; raised where its rows are read, too.
    """
    limits = limits or DeliveryLimits()
    delivery = _open(path, suffix, csv, limits)
    refuse_many_columns(len(delivery.names), limits)
    return LimitedDelivery(delivery, limits)


def _open(path: Path, suffix: str, csv: Csv, limits: DeliveryLimits) -> OpenDelivery:
    match suffix.removesuffix(".gz"):
        case ".parquet" | ".pq":
            return ParquetFile.open(path, limits)
        case ".jsonl" | ".ndjson":
            return JsonLines.open(path, limits)
        case _:
            return CsvFile.open(path, csv, delimiter=csv.delimiter_of(suffix), limits=limits)
