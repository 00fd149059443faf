"""Duplicates: holdout rows whose features and label stand in the training rows, beyond chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.gates.check import Contest, GateCheck, Measured
from slipway.stages.gates.gate_numbers import finite

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PREFIX = "duplicates"
SHARE, CHANCE = f"{PREFIX}.share", f"{PREFIX}.by_chance"
"""Share of the holdout that stands in the training rows, and what chance explains of it."""

_MANY_VALUES = 100
"""Different values from which a number is unlikely to be equal by chance."""


@dataclass(frozen=True)
class DuplicatesCheck(GateCheck):
    """The holdout may not be made of rows that the model has learnt by heart."""

    prefix: str = PREFIX

    def measure(self, contest: Contest) -> Measured:
        """Count the holdout rows that stand among the training rows."""
        if contest.gates.sanity.duplicates is False or not len(contest.rows):
            return Measured()
        names = [column["name"] for column in contest.challenger.manifest["features"]]
        names = [name for name in names if name in contest.rows]
        columns = [(contest.training[name], contest.rows[name]) for name in names]
        columns.append((contest.training_actual, contest.actual))
        share, chance = twins(columns)
        return Measured({SHARE: share, CHANCE: chance})

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that the holdout is of rows that the training had, too."""
        limit = gates.sanity.duplicates
        share, chance = finite(numbers.get(SHARE)), finite(numbers.get(CHANCE))
        if limit is False or share is None or chance is None:
            return
        if share - chance > limit:
            yield (
                f"{share:.1%} of the holdout rows stand among the training rows with the same "
                f"features and label ({chance:.1%} by chance; {limit:.0%} more are allowed): the "
                "model may know them by heart; deliver each row once, give rows of one origin one "
                "key, or set `gates.sanity.duplicates`"
            )

    def undecided(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that duplicates were not counted."""
        if gates.sanity.duplicates is not False and finite(numbers.get(SHARE)) is None:
            yield "duplicates across the split were not counted (`gates.sanity.duplicates: false`)"


def twins(columns: list[tuple[pd.Series[Any], pd.Series[Any]]]) -> tuple[float, float]:
    """Return the share of holdout rows that stand among the training rows, and that by chance.

    By chance as many would that met an equal row if each number of many values took them by itself.
    Columns of few values often go together, as symptoms do, and count as one: a row of such columns
    alone that has an equal one tells next to nothing.

    Args:
        columns: Values of each column, in the training rows and in the holdout.
    """
    import numpy as np
    import pandas as pd

    learnt, asked = len(columns[0][0]), len(columns[0][1])
    if not learnt:
        return 0.0, 0.0
    mixed, coarse = (np.zeros(learnt + asked, np.uint64) for _ in range(2))
    expected = np.full(asked, np.log(learnt))
    for training, holdout in columns:
        both = pd.concat([training, holdout], ignore_index=True)
        codes = pd.factorize(both, use_na_sentinel=False)[0]
        mixed = _mixed(mixed, codes)
        values = int(codes.max()) + 1
        if values >= min(_MANY_VALUES, learnt / 2) and pd.api.types.is_numeric_dtype(both):
            expected += _log_shares(codes, learnt)
        else:
            coarse = _mixed(coarse, codes)
    expected += _log_shares(pd.factorize(coarse)[0], learnt)
    met = np.isin(mixed[learnt:], mixed[:learnt])
    # Poisson's chance of at least one.
    chance = -np.expm1(-np.exp(np.minimum(expected, 50.0)))
    return float(met.mean()), float(chance[met].sum() / asked)


def _log_shares(codes: np.ndarray[Any, Any], learnt: int) -> np.ndarray[Any, Any]:
    """Logarithm of the share of training rows that have the value of each holdout row."""
    import numpy as np

    counts = np.bincount(codes[:learnt], minlength=int(codes.max()) + 1)
    with np.errstate(divide="ignore"):
        shares: np.ndarray[Any, Any] = np.log(counts / learnt)[codes[learnt:]]
    return shares


def _mixed(
    before: np.ndarray[Any, np.dtype[np.uint64]], codes: np.ndarray[Any, Any]
) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Hash of each row with one column more.

    Source:
        Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators (SplitMix64).
    """
    import numpy as np

    with np.errstate(over="ignore"):
        mixed = before * np.uint64(0x9E3779B97F4A7C15) + codes.astype(np.uint64) + np.uint64(1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found: np.ndarray[Any, np.dtype[np.uint64]] = mixed ^ (mixed >> np.uint64(31))
    return found
