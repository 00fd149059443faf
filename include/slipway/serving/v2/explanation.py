"""Outputs of a V2 answer that explain its scores.

Runs in model servers only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.serving.v2.tensors import Scalar, Tensor

if TYPE_CHECKING:
    import numpy as np

EXPLAIN = "explain"
"""Parameter of a request."""

EXPLANATION, EXPLANATION_BASE = "explanation", "explanation_base"
"""What each column adds to a score, and the score that it is added to."""

EXPLANATIONS = (EXPLANATION, EXPLANATION_BASE)

FEATURES = "features"
"""Parameter of an explanation: the names of its columns, as a JSON text."""


@dataclass(frozen=True)
class Explanation:
    """Explanation of some rows: the values of a row add up to its score less its base.

    Attributes:
        names: Columns that are explained.
        values: Of shape (n_rows, n_columns), or (n_rows, n_columns, n_classes).
        base: Mean score of the row with the values of background rows, of shape (n_rows,), or
            (n_rows, n_classes).
    """

    names: Sequence[str]
    values: np.ndarray[Any, Any]
    base: np.ndarray[Any, Any]


def explanation_tensors(explanation: Explanation | None) -> dict[str, Tensor]:
    """Return the outputs with an explanation, by name; none without one."""
    if explanation is None:
        return {}
    named: dict[str, Scalar] = {FEATURES: json.dumps(explanation.names, ensure_ascii=False)}
    values, base = explanation.values, explanation.base
    return {
        EXPLANATION: Tensor(EXPLANATION, [*values.shape], "FP64", values.ravel().tolist(), named),
        EXPLANATION_BASE: Tensor(EXPLANATION_BASE, [*base.shape], "FP64", base.ravel().tolist()),
    }
