"""Kinds of keys and event times, and crossings of ferries that have each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from slipway.spec import DatasetSpec, ModelSpec
from tests.support.training_env import spec

START = datetime(2013, 1, 1, tzinfo=UTC)
DAYS, STORES, BATCHES = 60, 16, 6
COLUMNS: dict[str, dict[str, Any]] = {
    "store": {"type": "string"},
    "day": {"type": "timestamp"},
    "clock": {"type": "integer"},
    "wind": {"type": "number"},
    "port": {"type": "string"},
    "email": {"type": "string", "pii": "hash"},
}
LATE = {"late": {"type": "integer"}}


@dataclass(frozen=True)
class Kind:
    """A way in which rows of a dataset have their key and event time.

    Attributes:
        key: As `dataset.yaml` has it.
        event_time: As `dataset.yaml` has it.
        in_one_file: Whether labels stand in the features' files.
        columns: Columns that are declared otherwise.
        features: Categorical features beside `port`.
        numeric: Numeric features beside `wind`.
        file: Format of the features' files.
    """

    key: Any
    event_time: Any
    in_one_file: bool = False
    columns: Mapping[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    file: str = "csv"

    def dataset(self) -> DatasetSpec:
        """The dataset's spec."""
        features = {**COLUMNS, **self.columns}
        named = {name: features[name] for name in self.key} if isinstance(self.key, list) else {}
        labels: dict[str, Any] = {"columns": {**named, **LATE}}
        if self.in_one_file:
            labels = {"from": "features", "columns": LATE}
        return DatasetSpec.model_validate(
            {
                "dataset": "ferries",
                "key": self.key,
                "event_time": self.event_time,
                "arrival": {"settle_seconds": 0},
                "streams": {"features": {"columns": features}, "labels": labels},
            }
        )

    def model(self) -> ModelSpec:
        """A model of the dataset."""
        features = {"numeric": ["wind", *self.numeric], "categorical": ["port", *self.features]}
        return spec(features=features)


COLUMN_PAIR = {"date": "day", "time": "clock", "time_format": "%H%M", "timezone": "Europe/Berlin"}
INTEGER = {"type": "integer"}
CALENDAR = {"year": "yr", "month": "mnth", "day": "dy", "hour": "hr", "minute": "mi"}
KINDS = {
    "columns": Kind(["store", "day"], "day", features=("store",)),
    "columns in one file": Kind(["store", "day"], "day", in_one_file=True, file="jsonl"),
    "row": Kind("row", "day", in_one_file=True),
    "row without leaks": Kind(
        "row",
        "day",
        in_one_file=True,
        columns={
            "clock": {"type": "integer", "in_key": False},
            "minutes": {"type": "number", "in_key": False},
        },
        file="jsonl",
    ),
    "date and time": Kind(
        ["store", "day", "clock"], COLUMN_PAIR, columns={"day": {"type": "string"}}, file="parquet"
    ),
    "year to minute": Kind(
        ["store", "yr", "mnth", "dy"],
        {**CALENDAR, "timezone": "Europe/Berlin"},
        columns={**dict.fromkeys(CALENDAR.values(), INTEGER), "mnth": {"type": "string"}},
        features=("mnth",),
        numeric=("yr", "hr"),
    ),
    "year and day of year": Kind(
        "row",
        {"year": "yr", "day_of_year": "yday"},
        in_one_file=True,
        columns={"yr": INTEGER, "yday": {"type": "string"}},
        file="jsonl",
    ),
    "row and arrival": Kind("row", "arrival", in_one_file=True, file="parquet"),
    "columns and arrival": Kind(["store", "clock", "day"], "arrival", in_one_file=True),
}


def crossings() -> pd.DataFrame:
    """A row for each store and day, as texts; the zone of its clock is Berlin's."""
    random = np.random.default_rng(3)
    count = DAYS * STORES
    wind = np.round(random.gamma(4, 3, count), 3)
    days = [START + timedelta(days=number // STORES) for number in range(count)]
    return pd.DataFrame(
        {
            "store": [f"s|{number % STORES}" for number in range(count)],
            "day": [f"{day:%Y-%m-%d}" for day in days],
            "clock": [100 * (number % 24) + 30 for number in range(count)],
            "yr": [day.year for day in days],
            "mnth": [f"{day:%B}" for day in days],
            "dy": [day.day for day in days],
            "hr": [number % 24 for number in range(count)],
            "mi": 30,
            "yday": [f"{day:%j}" for day in days],
            "minutes": wind,
            "wind": [None if number % 9 == 0 else wind[number] for number in range(count)],
            "port": random.choice(["Oban", "Mallaig"], count),
            "email": [f"{number}@example.org" for number in range(count)],
            "late": (random.random(count) < 1 / (1 + np.exp(2 - wind / 6))).astype(int),
        }
    )
