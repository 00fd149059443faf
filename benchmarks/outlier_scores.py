"""Power and cost of the outlier score of requests, beside an isolation forest, on planted rows."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest

from slipway.stages.model.outlier_scores import OutlierFacts, OutlierScorer
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.train.outlier_facts import outlier_facts

NUMBERS = 10
TRAINED, ASKED, SEEDS = 20_000, 2_000, 3
LIMIT = 0.99
COLUMNS = [
    *(RawColumn(f"x{place}", "number", required=True) for place in range(NUMBERS)),
    RawColumn("mode", "string", required=True),
    RawColumn("site", "string", required=True),
]
Columns = list[list[Any]]


def drawn(rows: int, *, seed: int) -> Columns:
    """Rows of three factors: skewed, whole and heavy-tailed numbers, and two categories."""
    random = np.random.default_rng(seed)
    factors = random.normal(size=(rows, 3))
    loadings = np.random.default_rng(0).normal(size=(3, NUMBERS))
    numbers = factors @ loadings + 0.5 * random.normal(size=(rows, NUMBERS))
    numbers[:, 0] = np.exp(numbers[:, 0])
    numbers[:, 1] = np.round(numbers[:, 1])
    numbers[:, 2] = random.standard_t(2, size=rows)
    other = random.choice(["b", "c"], rows, p=[0.9, 0.1])
    mode = np.where(np.round(factors[:, 0]) > 0, "a", other)
    site = random.choice([f"s{number}" for number in range(200)], rows)
    return [*numbers.T.tolist(), mode.tolist(), site.tolist()]


def far(columns: Columns, place: int, distance: float) -> Columns:
    """One number far away from its middle."""
    return [
        [float(np.median(column)) + distance] * len(column) if at == place else column
        for at, column in enumerate(columns)
    ]


def unseen(columns: Columns) -> Columns:
    """A category that the training did not have."""
    return [*columns[:NUMBERS], ["new"] * len(columns[0]), columns[-1]]


def shuffled(columns: Columns, places: range) -> Columns:
    """Values of some columns from other rows: each is usual, their combination is not."""
    random = np.random.default_rng(9)
    return [
        random.permutation(column).tolist() if at in places else column
        for at, column in enumerate(columns)
    ]


PLANTED: dict[str, Callable[[Columns], Columns]] = {
    "nothing": lambda columns: columns,
    "one number, 6 deviations away": lambda columns: far(columns, 5, 6 * np.std(columns[5])),
    "one heavy-tailed number, 1000 away": lambda columns: far(columns, 2, 1000.0),
    "an unseen category": unseen,
    "seven numbers of other rows": lambda columns: shuffled(columns, range(3, 10)),
    "one number of another row": lambda columns: shuffled(columns, range(3, 4)),
    "a category of another row": lambda columns: shuffled(columns, range(10, 11)),
}


def matrix(columns: Columns) -> np.ndarray[Any, Any]:
    """Rows for the forest: numbers, and indicators of the modes."""
    modes = [[float(one == mode) for one in columns[NUMBERS]] for mode in "abc"]
    return np.array([*columns[:NUMBERS], *modes]).T


def microseconds(work: Callable[[], object], *, times: int, rows: int) -> float:
    """Least time of a call, by row."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found) / rows * 1e6


def main() -> None:
    """Print both tables."""
    shares: dict[str, list[tuple[float, float]]] = {name: [] for name in PLANTED}
    for seed in range(SEEDS):
        trained = drawn(TRAINED, seed=seed)
        data = outlier_facts(COLUMNS, trained, seed=1) or b""
        scorer = OutlierScorer(OutlierFacts.parse(data), [one.name for one in COLUMNS])
        forest = IsolationForest(random_state=0).fit(matrix(trained))
        usual = -forest.score_samples(matrix(drawn(5_000, seed=100 + seed)))
        limit = np.quantile(usual, LIMIT)
        for name, plant in PLANTED.items():
            rows = plant(drawn(ASKED, seed=200 + seed))
            own = np.mean(np.array(scorer.score(rows)) > LIMIT)
            theirs = np.mean(-forest.score_samples(matrix(rows)) > limit)
            shares[name].append((float(own), float(theirs)))
    print(f"share of rows above {LIMIT:.0%}, {SEEDS} seeds | outlier score | isolation forest")
    for name, found in shares.items():
        own, theirs = np.mean(found, axis=0)
        print(f"{name} | {own:.1%} | {theirs:.1%}")
    one, many = [[column[0]] for column in rows], rows
    print("cost | outlier score | isolation forest")
    of_one = [
        microseconds(lambda: scorer.score(one), times=500, rows=1),
        microseconds(lambda: forest.score_samples(matrix(one)), times=20, rows=1),
    ]
    of_many = [
        microseconds(lambda: scorer.score(many), times=5, rows=ASKED),
        microseconds(lambda: forest.score_samples(matrix(many)), times=5, rows=ASKED),
    ]
    print(f"one row, microseconds | {of_one[0]:.0f} | {of_one[1]:.0f}")
    print(f"{ASKED} rows, microseconds a row | {of_many[0]:.1f} | {of_many[1]:.1f}")
    print(f"bytes in the version's folder | {len(data)} | {len(pickle.dumps(forest))}")


if __name__ == "__main__":
    main()
