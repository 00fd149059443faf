"""The declared types of columns: the Python value, the ranges, and the canonical text of each.

Every reader of a value calls `slipway.values`: ingest, the model server, batch scoring, the command
line, the bounds in specs, and the training frame. What one of them accepts, all accept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

ColumnType = Literal["string", "integer", "number", "boolean", "timestamp"]
Value = str | int | float | bool | datetime
"""A value in its canonical form; a timestamp is aware, in UTC, of whole microseconds."""

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
LARGEST_EXACT = 2**53
"""Up to here float64 holds every integer."""

LARGEST_NUMBER = 1e30
"""Largest magnitude of a number.

Estimators and ONNX compute in float32, whose largest number is 3.4e38. Below this limit the
difference, the square root of a variance and a sum over 10^8 rows stay finite in both engines, and
the no-data values of other systems (-3.4e38, 1e38) are refused.
"""

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


def canonical_text(value: Value) -> str:
    """Return the one text of a value, by which keys are joined and categories compared."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)
