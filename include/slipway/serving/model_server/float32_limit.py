"""Numbers beyond float32, in which trees compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slipway.serving.v2.errors import Mismatch
from slipway.serving.v2.signature import Signature
from slipway.serving.v2.tensors import quoted_name
from slipway.values.v2_tensors import FLOATS

LARGEST = FLOATS["FP32"]


def float32_overflow(values: Sequence[Sequence[Any]], signature: Signature) -> Mismatch | None:
    """Error if a number exceeds float32, in which trees compute; None otherwise."""
    for column, numbers in zip(signature.columns, values, strict=True):
        if column.kind != "number":
            continue
        for row, value in enumerate(numbers):
            if value is not None and abs(value) > LARGEST:
                return Mismatch(
                    f"column {quoted_name(column.name)} has a number in row {row} that is too "
                    "large for this model",
                    expected=f"at most {LARGEST:.3g} in size",
                )
    return None
