"""Files of a version's folder that options of requests rest on: outlier scores, explanations."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

from slipway.adapters.model_package.columns import cast
from slipway.adapters.model_package.package import Package
from slipway.spec import ModelSpec
from slipway.stages.model import background_rows, outlier_scores
from slipway.stages.model.background_rows import BackgroundRows
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.train.outlier_facts import outlier_facts


def request_files(
    package: Package, reference: ReferenceRows, *, spec: ModelSpec, personal: Collection[str]
) -> dict[str, bytes]:
    """Return the files that the spec asks for, by path.

    Args:
        package: The fitted model.
        reference: Rows of the training.
        spec: The model's spec.
        personal: Columns whose values no file may hold.
    """
    wanted, seed = spec.deployment, spec.training.seed
    columns = [one for one in package.columns if one.name not in personal]
    if not (wanted.outlier_scores or wanted.explanations) or not columns or not len(reference):
        return {}
    rows = cast(reference.features, package.columns)
    values = [_values(rows[one.name].tolist(), one) for one in columns]
    found: dict[str, bytes] = {}
    if wanted.outlier_scores:
        facts = outlier_facts(columns, values, seed=seed)
        found |= {} if facts is None else {outlier_scores.FILE: facts}
    if wanted.explanations:
        count = min(len(reference), background_rows.MOST_ROWS)
        places = np.random.default_rng(seed).choice(len(reference), count, replace=False).tolist()
        chosen = [[column[place] for place in places] for column in values]
        background = BackgroundRows([one.name for one in columns], chosen, seed)
        found[background_rows.FILE] = background.to_bytes()
    return found


def _values(cells: list[Any], column: RawColumn) -> list[Any]:
    """Values as a model server reads them from a request."""
    given = [None if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells]
    if column.kind == "number" and column.type in {"integer", "boolean"}:
        return [None if cell is None else int(cell) for cell in given]
    return given
