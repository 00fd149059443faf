"""Rare values of each declared type, for the trial that compares two engines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from slipway.stages.ports.raw_column import RawColumn
from slipway.values.value_types import (
    INTEGER_MAX,
    INTEGER_MIN,
    LARGEST_EXACT,
    LARGEST_NUMBER,
    ColumnType,
)

Numbers = np.ndarray[Any, np.dtype[np.float64]]

UNSEEN = ("unseen by anyone", "", " ", "  ", "nan", "None", "\u00e9t\u00e9 \U0001f6a2", "a\nb")
CATEGORIES: Mapping[ColumnType | None, tuple[str, ...]] = {
    "integer": ("0", "-1", str(INTEGER_MAX), str(INTEGER_MIN)),
    "boolean": ("true", "false"),
}
EXTREMES = (0.0, -0.0, 1e-310, -1e-40, 1e-30, 16_777_217.0, LARGEST_NUMBER, -LARGEST_NUMBER)
WHOLE_EXTREMES: Mapping[ColumnType | None, tuple[float, ...]] = {
    "integer": (0.0, -1.0, 16_777_217.0, float(LARGEST_EXACT), -float(LARGEST_EXACT)),
    "boolean": (0.0, 1.0),
}


def unseen_categories(column: RawColumn, known: Sequence[str]) -> list[str]:
    """Return categories that training had not seen, near misses of known ones among them.

    Args:
        column: A categorical column.
        known: Some categories that training had seen.
    """
    if column.type in CATEGORIES:
        return list(CATEGORIES[column.type])
    return [*UNSEEN, *(f"{pad}{text}{pad}" for text in known for pad in (" ", "\0", "."))]


def extreme_numbers(column: RawColumn) -> Numbers:
    """Return the ends of a numeric column's range, and numbers that float32 cannot hold."""
    return np.array(WHOLE_EXTREMES.get(column.type, EXTREMES), dtype=np.float64)


def nearest_values(numbers: Numbers, column: RawColumn) -> Numbers:
    """Return the values next to some numbers that a numeric column can hold, each once."""
    if column.type == "boolean":
        numbers = np.clip(np.rint(numbers), 0.0, 1.0)
    elif column.type == "integer":
        numbers = np.concatenate([np.floor(numbers), np.ceil(numbers)])
    largest = LARGEST_EXACT if column.type == "integer" else LARGEST_NUMBER
    return np.unique(numbers[np.abs(numbers) <= largest])
