"""Measure whether a window's answers are moved by the columns that moved those of the evaluation.

It warns in words, and requests nothing: other columns count where the rows are others, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from slipway.errors import BadRequest
from slipway.records.scratch_folder import scratch_folder
from slipway.records.verdicts import Number, Verdict
from slipway.spec.logged_columns import logged_names
from slipway.stages.gates.checks.explanations import LEAST_ROWS
from slipway.stages.monitor.drift.importance import read_importance
from slipway.stages.monitor.reference.watched_version import watched_version
from slipway.stages.monitor.windows.window_blocks import divide_window

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.records.store import Store
    from slipway.spec import ModelSpec
    from slipway.spec.importance import Importance
    from slipway.stages.monitor.windows.windows import MonitoredWindow
    from slipway.stages.ports.explanations import Explain
    from slipway.stages.ports.package import LoadPackage
    from slipway.stages.ports.registry import Registry

IMPORTANCE = "importance"
"""Prefix of the numbers."""

NOT_EXPLAINED = "its evaluation explained nothing, which `gates.explanations` lets it"

OTHERS = "all other columns"
"""Of the columns that the record of the evaluation does not name, together."""

RESAMPLES = 500
SURE = 0.99
MOST_NAMED = 3


@dataclass(frozen=True)
class ImportanceTools:
    """Adapters that explain a window's predictions; without them nothing is measured.

    Attributes:
        load: Loads a version.
        explain: Explains its answers.
    """

    load: LoadPackage | None
    explain: Explain | None

    def judge(
        self,
        verdict: Verdict,
        rows: pd.DataFrame,
        *,
        spec: ModelSpec,
        monitored: MonitoredWindow,
        registry: Registry,
        store: Store,
    ) -> Verdict:
        """Return a verdict with the stability of importances, if the spec asks for it.

        Args:
            verdict: Verdict on the drift of the window.
            rows: Logged predictions, ordered by event time.
            spec: The model.
            monitored: The window.
            registry: Folder of the version.
            store: Record of its evaluation.
        """
        asked = spec.monitoring.importance
        if asked is None or self.load is None or self.explain is None:
            return verdict
        version = watched_version(spec.model, monitored.version, registry=registry)
        before = read_importance(store, version)
        if not before:
            return with_stability(verdict, NOT_EXPLAINED, asked)
        window = _Window(rows, spec, monitored, registry, self.load, self.explain)
        return with_stability(verdict, window.stability(asked, before), asked)


NO_TOOLS = ImportanceTools(None, None)


@dataclass(frozen=True)
class Stability:
    """What the explanations of a window and of the evaluation have in common.

    Attributes:
        in_common: Share that both have in common: the smaller one of each column, added up.
        at_most: Its upper bound at 99 %, over blocks of the window's time.
        rank_correlation: Spearman's correlation of the shares; None of a single column.
        moved: Columns by the change of their share, with it and the share at evaluation.
        rows: Predictions that were explained.
    """

    in_common: float
    at_most: float
    rank_correlation: float | None
    moved: Sequence[tuple[str, float, float]]
    rows: int


@dataclass(frozen=True)
class _Window:
    rows: pd.DataFrame
    spec: ModelSpec
    monitored: MonitoredWindow
    registry: Registry
    load: LoadPackage
    explain: Explain

    def stability(self, asked: Importance, before: Mapping[str, float]) -> Stability | str:
        """Return how stable the explanation is, or why it cannot be measured."""
        rows, seed = self.rows, self.spec.training.seed
        with scratch_folder("slipway-explained-", needs="the version's folder") as scratch:
            folder = self.registry.download(self.spec.model, self.monitored.version, scratch)
            package = self.load(folder)
            logged = logged_names(package.manifest)
            personal = package.manifest.get("pii") or {}
            lacking = [own for own, name in logged.items() if own in personal or name not in rows]
            if lacking:
                return f"the log does not hold what an explanation needs ({', '.join(lacking)})"
            sample = rows.sample(min(asked.rows, len(rows)), random_state=seed)
            features = sample[list(logged.values())]
            features.columns = list(logged)
            try:
                found = self.explain(package, features, seed=seed, max_seconds=asked.max_seconds)
            except BadRequest as error:
                return f"{error.message} ({error.found})"
        if found is None or len(found.sizes) < LEAST_ROWS:
            return f"its answers cannot be explained on {LEAST_ROWS} rows"
        times = sample["event_time"].iloc[: len(found.sizes)]
        blocks = divide_window(times, window=self.spec.monitoring.window).own.numbers
        return stability_of(found.sizes, found.columns, blocks=blocks, before=before, seed=seed)


def stability_of(
    sizes: np.ndarray[Any, Any],
    columns: Sequence[str],
    *,
    blocks: np.ndarray[Any, Any],
    before: Mapping[str, float],
    seed: int,
) -> Stability:
    """Return what the explanation of rows has in common with earlier shares; pure.

    Columns that the earlier shares leave out count as one.

    Args:
        sizes: How much each column moves each row's answer, of shape (n_rows, n_columns).
        columns: Names of the columns.
        blocks: Block of time of each row; blocks are resampled as a whole.
        before: Share of each column at evaluation, of those that moved most.
        seed: Seed of the resamples.
    """
    import numpy as np

    names = list(before)
    rest = [name not in before for name in columns]
    placed = [columns.index(name) if name in columns else None for name in names]
    parts = [np.zeros(len(sizes)) if at is None else sizes[:, at] for at in placed]
    by_name = np.column_stack([*parts, sizes[:, rest].sum(axis=1)])
    known = np.array([*before.values(), max(0.0, 1 - sum(before.values()))])
    _, numbers = np.unique(blocks, return_inverse=True)
    sums = np.zeros((numbers.max() + 1, by_name.shape[1]))
    np.add.at(sums, numbers, by_name)
    drawn = np.random.default_rng(seed).multinomial(
        len(sums), np.full(len(sums), 1 / len(sums)), RESAMPLES
    )
    now = _shares(sums.sum(axis=0))
    resampled = np.minimum(_shares(drawn @ sums), known).sum(axis=1)
    told = [*names, OTHERS]
    moved = sorted(
        zip(told, now.tolist(), known.tolist(), strict=True), key=lambda row: -abs(row[1] - row[2])
    )
    return Stability(
        in_common=float(np.minimum(now, known).sum()),
        at_most=float(np.quantile(resampled, SURE)),
        rank_correlation=_rank_correlation(now[:-1], known[:-1]),
        moved=moved,
        rows=len(sizes),
    )


def with_stability(verdict: Verdict, found: Stability | str, asked: Importance) -> Verdict:
    """Return a verdict with the stability of importances in its numbers and words.

    Its action stays: a warning requests no training.
    """
    if isinstance(found, str):
        told = f" Importance of columns: not measured, {found}."
        return replace(verdict, reason=f"{verdict.reason}{told}")
    alerts = found.at_most < asked.min_in_common
    numbers: dict[str, Number] = {
        f"{IMPORTANCE}.in_common": round(found.in_common, 4),
        f"{IMPORTANCE}.at_most": round(found.at_most, 4),
        f"{IMPORTANCE}.rank_correlation": found.rank_correlation,
        f"{IMPORTANCE}.rows": found.rows,
        f"{IMPORTANCE}.alert": alerts,
    }
    ranks = found.rank_correlation
    ranked = "" if ranks is None else f", rank correlation {ranks:.2f}"
    told = (
        f" Importance of columns: {found.in_common:.0%} in common with the evaluation{ranked}, on "
        f"{found.rows} predictions."
    )
    if alerts:
        moved = ", ".join(f"{name} {now:.0%} (was {was:.0%})" for name, now, was in _named(found))
        told += (
            f" Warning: that is less than {asked.min_in_common:.0%}, at most {found.at_most:.0%} "
            f"at 99 %; what moved: {moved}. It requests no training."
        )
    return replace(
        verdict, reason=f"{verdict.reason}{told}", numbers={**verdict.numbers, **numbers}
    )


def _named(found: Stability) -> Sequence[tuple[str, float, float]]:
    return found.moved[:MOST_NAMED]


def _shares(sizes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    totals = sizes.sum(axis=-1, keepdims=True)
    found: np.ndarray[Any, Any] = sizes / np.where(totals > 0, totals, 1.0)
    return found


def _rank_correlation(now: np.ndarray[Any, Any], before: np.ndarray[Any, Any]) -> float | None:
    from slipway.stages.model.rank_correlation import rank_correlation

    found = rank_correlation(now, before)
    return None if found is None else round(found, 4)
