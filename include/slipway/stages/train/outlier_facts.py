"""Reduce rows of a training to what the outlier score of a request rests on.

Half of the rows give scales and covariance, the other half the ranks of rows that these have not
seen, so that new rows like them are above 0.99 in 1 % of cases.
Source: Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World (split conformal);
Good 1953 (the share of unseen categories is that of categories seen once).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from slipway.records.store import encode
from slipway.stages.model.outlier_scores import (
    CategoryScale,
    NumberScale,
    OutlierFacts,
    OutlierScorer,
)
from slipway.stages.ports.raw_column import RawColumn

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

FEWEST_ROWS = 40
"""Rows of a training below which a rank tells nothing."""

GRID_END, GRID_STEP = 3.25, 0.25
MOST_LEVELS = 8
LEAST_LEVEL_SHARE = 0.02
MOST_COORDINATES = 256
"""With more, combinations do not count: their covariance would outgrow the model."""

RIDGE = 0.01
"""Added to each variance, so that what is constant, or a sum of others, has an inverse too."""

DIGITS = 6
SHARES = (
    *(place / 20 for place in range(19)),
    *(1 - 10 ** (-1 - place / 30) for place in range(91)),
    1.0,
)
"""Dense where outliers are."""


def outlier_facts(
    columns: Sequence[RawColumn], values: Sequence[Sequence[Any]], *, seed: int
) -> bytes | None:
    """Return the file of a version's folder; None of fewer than `FEWEST_ROWS` rows.

    Args:
        columns: Columns that are not personal.
        values: Values of rows by column, None for missing.
        seed: Seed of the halves.
    """
    import numpy as np

    rows = len(values[0]) if values else 0
    if rows < FEWEST_ROWS:
        return None
    order = np.random.default_rng(seed).permutation(rows)
    first, second = (
        [[column[place] for place in part] for column in values]
        for part in (order[: rows // 2].tolist(), order[rows // 2 :].tolist())
    )
    names = [column.name for column in columns]
    numbers = [place for place, column in enumerate(columns) if column.kind == "number"]
    others = [place for place, column in enumerate(columns) if column.kind != "number"]
    facts = OutlierFacts(
        grid=_grid(),
        numbers=[_number_scale(names[place], first[place]) for place in numbers],
        categories=[_category_scale(names[place], first[place]) for place in others],
        means=(),
        root=(),
        shares=SHARES,
        value_ranks=(0.0,) * len(SHARES),
        combination_ranks=(0.0,) * len(SHARES),
        ranks=(0.0,) * len(SHARES),
    )
    coordinates, _ = OutlierScorer(facts, names).coordinates(first)
    if 0 < coordinates.shape[1] <= MOST_COORDINATES:
        facts = replace(facts, means=coordinates.mean(axis=0).tolist(), root=_root(coordinates))
    by_value, by_combination = OutlierScorer(facts, names).parts(second)
    facts = replace(facts, value_ranks=_ranks(by_value), combination_ranks=_ranks(by_combination))
    facts = replace(facts, ranks=_ranks(OutlierScorer(facts, names).unusual(second)))
    return encode(asdict(facts))


def _grid() -> list[float]:
    steps = round(GRID_END / GRID_STEP)
    return [place * GRID_STEP for place in range(-steps, steps + 1)]


def _number_scale(name: str, values: Sequence[Any]) -> NumberScale:
    import numpy as np

    given = np.array([value for value in values if value is not None], np.float64)
    shares = [NormalDist().cdf(score) for score in _grid()]
    missing = _surprise(len(values) - len(given), len(values))
    if not len(given):
        return NumberScale(name, [0.0] * len(shares), 1.0, missing)
    knots = np.quantile(given, shares)
    low, middle, high = np.quantile(given, (0.25, 0.5, 0.75))
    # Of a column with far tails, or of one that is constant for the most part, the way to an end.
    ends = max(float(given.max() - middle), float(middle - given.min())) / GRID_END
    unit = max(float(high - low) / 1.35, ends, abs(float(middle)) * 1e-6, 1e-12)
    knots[0], knots[-1] = given.min(), given.max()
    return NumberScale(name, knots.tolist(), unit, missing)


def _category_scale(name: str, values: Sequence[Any]) -> CategoryScale:
    counts = Counter(value for value in values if value is not None)
    rows = len(values)
    of_count = Counter[int]()
    for count in counts.values():
        of_count[count] += count
    seen, up_to = {}, 0
    for count, of_these in sorted(of_count.items()):
        up_to += of_these
        seen[count] = _surprise(up_to, rows)
    frequent = [one for one, count in counts.most_common(MOST_LEVELS)]
    return CategoryScale(
        name,
        {one: seen[count] for one, count in sorted(counts.items())},
        unseen=_surprise(of_count[1], rows),
        missing=_surprise(rows - sum(counts.values()), rows),
        levels=[one for one in frequent if counts[one] >= LEAST_LEVEL_SHARE * rows],
    )


def _surprise(count: int, rows: int) -> float:
    """Minus the logarithm of a share of rows, which is never quite nothing."""
    return round(-math.log((count + 0.5) / (rows + 1)), DIGITS)


def _root(coordinates: Matrix) -> list[list[float]]:
    """Root of the inverse covariance, in few digits."""
    import numpy as np

    covariance = np.cov(coordinates, rowvar=False).reshape(coordinates.shape[1], -1)
    inverse = np.linalg.inv(covariance + RIDGE * np.eye(len(covariance)))
    root = np.linalg.cholesky((inverse + inverse.T) / 2)
    return [[float(f"{cell:.{DIGITS}g}") for cell in row] for row in root.tolist()]


def _ranks(amounts: Matrix) -> list[float]:
    import numpy as np

    return [float(f"{one:.9g}") for one in np.quantile(amounts, SHARES).tolist()]
