"""Score rows by a contender, in the order of the contest's classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slipway.errors import BadRequest
from slipway.spec.labels import Label
from slipway.stages.model.class_scores import align_scores
from slipway.stages.ports.package import Package

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def contender_scores(
    contender: Package, rows: pd.DataFrame, classes: Sequence[Label] | None
) -> np.ndarray[Any, Any] | None:
    """Return scores in the order of the contest's classes.

    None when the rows do not have what the model needs, or when it knows other classes.
    """
    try:
        return align_scores(
            contender.predict(rows), known=contender.manifest.get("classes"), wanted=classes
        )
    except BadRequest:
        return None
