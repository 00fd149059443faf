"""Synthetic rows to warm up a model."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.serving.v2.signature import Signature
from slipway.stages.ports.raw_column import RawColumn

Rows = list[list[float | str | None]]

ROWS = 240
NULL_SHARE = 0.1
# Of personal columns, whose values are not kept.
WITHOUT_RANGE = {"integer": "0", "boolean": "false"}


def plausible_rows(signature: Signature, ranges: Mapping[str, Mapping[str, Any]]) -> Rows:
    """Values by column within the ranges seen in training; optional columns have some nulls.

    Args:
        signature: The model's inputs.
        ranges: `numbers` with minimum and maximum, `categories` with their values, by column.
    """
    draw = random.Random(0)  # noqa: S311 - the same rows each time
    return [
        [
            None
            if not column.required and draw.random() < NULL_SHARE
            else _value(column, ranges, draw)
            for _ in range(ROWS)
        ]
        for column in signature.columns
    ]


def _value(
    column: RawColumn, ranges: Mapping[str, Mapping[str, Any]], draw: random.Random
) -> float | str:
    if column.kind == "number":
        low, high = ranges.get("numbers", {}).get(column.name, (0.0, 1.0))
        number = draw.uniform(low, high)
        return round(number) if column.type in {"integer", "boolean"} else number
    unknown = WITHOUT_RANGE.get(column.type or "string", "")
    seen: Sequence[str] = ranges.get("categories", {}).get(column.name) or [unknown]
    return draw.choice(seen)
