"""Explanations: which columns move a challenger's answers, and whether they are the champion's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records.store import encode
from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.gates.check import Contest, Measured
from slipway.stages.gates.gate_numbers import baseline, finite
from slipway.stages.gates.holdout_slices import slices_of
from slipway.stages.model.aliases import CHAMPION
from slipway.stages.ports.explanations import Explained

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FILE = "explanations.json"
"""Artifact of the training's run in MLflow."""

EXPLAINED, TABLE, METHOD, SECONDS = (
    "explanations",
    "explanations.table",
    "explanations.method",
    "explanations.seconds",
)
"""Rows that were explained, the columns that move most as JSON, how, and how long it took."""

STABILITY, RANKS = "explanations.stability", "explanations.rank_correlation"
"""Share of the explanation that both models have in common, and correlation of the ranks."""

LEAST_ROWS = 20
"""Fewer rows explain nothing: the first chunk, however slow a model is."""

MOST_IN_RECORD = 8
"""Columns that the run record holds; all are in MLflow."""


@dataclass(frozen=True)
class ColumnShares:
    """How much of a model's answers each column moves.

    Attributes:
        columns: Share of each raw column; they add up to 1.
        sizes: Mean size by raw column, in units of the score before its link.
    """

    columns: Mapping[str, float]
    sizes: Mapping[str, float]

    @classmethod
    def of(cls, explained: Explained, rows: np.ndarray[Any, Any] | slice) -> ColumnShares:
        """Return the shares on some of the explained rows.

        Args:
            explained: Explanation of rows.
            rows: Which of them count.
        """
        means = explained.sizes[rows].mean(axis=0).tolist()
        total = sum(means) or 1.0
        names = explained.columns
        return cls(
            {name: one / total for name, one in zip(names, means, strict=True)},
            dict(zip(names, means, strict=True)),
        )

    def in_common(self, other: ColumnShares) -> float:
        """Return the share that both have in common: the smaller one of each column, added up."""
        return sum(min(one, other.columns.get(name, 0.0)) for name, one in self.columns.items())

    def rank_correlation(self, other: ColumnShares) -> float | None:
        """Return Spearman's correlation over the columns of either; None of a single column."""
        import pandas as pd

        names = dict.fromkeys([*self.columns, *other.columns])
        both = pd.DataFrame(
            {"own": [self.columns.get(name, 0.0) for name in names]}
            | {"other": [other.columns.get(name, 0.0) for name in names]}
        ).rank()
        if (both.min() == both.max()).any():
            return None
        return float(both["own"].corr(both["other"]))

    @property
    def ordered(self) -> list[tuple[str, float]]:
        """Columns by their share, the greatest first."""
        return sorted(self.columns.items(), key=lambda item: -item[1])


@dataclass(frozen=True)
class ExplanationCheck:
    """A challenger's answers are explained, and may have to be made of what the champion's are."""

    prefix: str = EXPLAINED

    def measure(self, contest: Contest) -> Measured:
        """Explain the same sample of rows of both models."""
        asked = contest.gates.explanations
        if asked is None:
            return Measured()
        began, seed = time.perf_counter(), contest.spec.training.seed
        rows = contest.rows.sample(min(asked.rows, len(contest.rows)), random_state=seed)
        explained = contest.tools.explain(
            contest.challenger, rows, seed=seed, max_seconds=asked.max_seconds
        )
        if explained is None:
            return Measured({EXPLAINED: 0})
        other = None
        if contest.champion is not None and contest.scores.get(CHAMPION) is not None:
            other = contest.tools.explain(
                contest.champion, rows, seed=seed, max_seconds=asked.max_seconds
            )
        count = min(len(one.sizes) for one in (explained, other) if one is not None)
        measured = _measured(contest, rows[:count], explained, other)
        seconds = round(time.perf_counter() - began, 1)
        return Measured({**measured.numbers, SECONDS: seconds}, measured.files)

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that the answers are made of other columns than the champion's."""
        asked, found = gates.explanations, finite(numbers.get(STABILITY))
        if asked is None or asked.min_stability is None or found is None:
            return
        if found < asked.min_stability:
            moved = ", ".join(
                f"{name} {share:.0%} (champion {other:.0%})"
                for name, share, other in _moved(numbers)
            )
            yield (
                f"its explanation has {found:.0%} in common with the champion's, less than "
                f"{asked.min_stability:.0%}: {moved}"
            )

    def undecided(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that its answers, or the champion's, could not be explained."""
        if gates.explanations is None:
            return
        rows = finite(numbers.get(EXPLAINED))
        if rows is None or rows < LEAST_ROWS:
            yield f"its answers cannot be explained on {LEAST_ROWS} rows"
        elif gates.explanations.min_stability is None or baseline(numbers) != CHAMPION:
            return
        elif finite(numbers.get(STABILITY)) is None:
            yield "the champion's answers cannot be explained on the same rows"

    def passed(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield which columns move it most."""
        if gates.explanations is None or not finite(numbers.get(EXPLAINED)):
            return
        told = ", ".join(f"{row[0]} {row[1]:.0%}" for row in table_of(numbers)[:3])
        common = finite(numbers.get(STABILITY))
        beside = "" if common is None else f"; {common:.0%} in common with the champion"
        yield f"its answers are moved most by {told}{beside}"


def table_of(numbers: Mapping[str, Number]) -> list[list[Any]]:
    """Return column, share, and the champion's share (or None) of the columns that move most."""
    kept: list[list[Any]] = json.loads(str(numbers.get(TABLE) or "[]"))
    return kept


def _moved(numbers: Mapping[str, Number]) -> list[tuple[str, float, float]]:
    """The columns whose shares differ most."""
    rows = [(row[0], row[1], row[2] or 0.0) for row in table_of(numbers)]
    return sorted(rows, key=lambda row: -round(abs(row[1] - row[2]), 4))[:3]


def _measured(
    contest: Contest,
    rows: pd.DataFrame,
    explained: Explained,
    other: Explained | None,
) -> Measured:
    count = len(rows)
    own = ColumnShares.of(explained, slice(count))
    champion = None if other is None else ColumnShares.of(other, slice(count))
    table = [
        [name, _short(share), None if champion is None else _short(champion.columns.get(name, 0.0))]
        for name, share in _first(own, champion)
    ]
    numbers: dict[str, Number] = {
        EXPLAINED: count,
        METHOD: explained.method,
        TABLE: json.dumps(table[:MOST_IN_RECORD], ensure_ascii=False),
    }
    if champion is not None:
        numbers |= {STABILITY: own.in_common(champion), RANKS: own.rank_correlation(champion)}
    columns = [
        {"column": name, "share": share, "size": own.sizes[name]}
        | ({} if champion is None else {"champion": champion.columns.get(name, 0.0)})
        for name, share in own.ordered
    ]
    told = {"rows": count, "method": explained.method, "columns": columns}
    return Measured(numbers, {FILE: encode(told | _by_slice(contest, rows, explained))})


def _first(own: ColumnShares, champion: ColumnShares | None) -> list[tuple[str, float]]:
    """Columns by the greater one of both shares."""
    theirs = {} if champion is None else champion.columns
    names = dict.fromkeys([*own.columns, *theirs])
    shares = {name: own.columns.get(name, 0.0) for name in names}
    return sorted(shares.items(), key=lambda item: -max(item[1], theirs.get(item[0], 0.0)))


def _by_slice(contest: Contest, rows: pd.DataFrame, explained: Explained) -> dict[str, Any]:
    """Shares in each slice of the spec that the sample has enough rows of."""
    slices = contest.gates.slices
    if slices is None:
        return {}
    few = slices.model_copy(update={"min_rows": LEAST_ROWS})
    found = {
        name: dict(ColumnShares.of(explained, mask.nonzero()[0]).ordered)
        for name, mask in slices_of(rows, few, personal=contest.personal).items()
    }
    return {"slices": found}


def _short(share: float) -> float:
    return round(share, 4)
