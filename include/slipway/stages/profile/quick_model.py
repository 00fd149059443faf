"""What a quick model and a constant reach on rows that were held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

QuickFit = Callable[..., "Reached | None"]
"""Fits both; see `adapters/model_package/quick_fit.py`."""


@dataclass(frozen=True)
class Reached:
    """Metrics on rows that were held out.

    Attributes:
        quick: Of a quick model, by metric.
        constant: Of a constant.
        rows: Rows that were held out.
    """

    quick: Mapping[str, float]
    constant: Mapping[str, float]
    rows: int
