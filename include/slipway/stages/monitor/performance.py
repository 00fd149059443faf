"""Realised performance: what a champion predicted in one window, against what turned out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from slipway.errors import NotComputable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.spec.metrics import METRICS
from slipway.stages.model.labelled_rows import AVAILABLE_AT
from slipway.stages.monitor.drift import not_comparable
from slipway.stages.monitor.windows import parse_monitored_window

if TYPE_CHECKING:
    import pandas as pd

    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.model import Monitoring
    from slipway.stages.monitor.drift import PredictionRows
    from slipway.stages.ports.metrics import Measure
    from slipway.stages.ports.registry import Registry


@dataclass(frozen=True)
class RealisedPerformance:
    """How a window's predictions turned out.

    Attributes:
        predicted: Keys that were predicted.
        labelled: Those whose label is known.
        value: The metric on them; None when it could not be computed.
        constant: The metric of always predicting these labels' own mean: the best constant there
            is in hindsight, so no comparator is harder to beat by luck.
        promised: The champion's value on its own holdout; None when it has no such tag.
    """

    predicted: int
    labelled: int
    value: float | None
    constant: float | None
    promised: float | None

    @property
    def coverage(self) -> float:
        """Share of the predicted keys whose label is known."""
        return self.labelled / self.predicted if self.predicted else 0.0


class LabelTables(Protocol):
    """Tables of a dataset, at a pinned version."""

    def version(self, table: str) -> int | None:
        """Newest version; None when there is no table."""

    def read(
        self, table: str, *, version: int | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Rows of one version."""


def judge_performance(realised: RealisedPerformance, monitoring: Monitoring) -> Verdict:
    """Whether a champion has decayed in a window; pure."""
    performance = monitoring.performance
    numbers = {
        "predicted": realised.predicted,
        "labelled": realised.labelled,
        "coverage": round(realised.coverage, 4),
    }
    if realised.labelled < monitoring.min_rows:
        reason = (
            f"{realised.labelled} of {realised.predicted} predictions have labels; "
            f"{monitoring.min_rows} are needed to tell."
        )
        return Verdict("inconclusive", reason, numbers)
    if realised.value is None or realised.promised is None:
        missing = "on the champion's own holdout" if realised.value is not None else "on these rows"
        reason = f"{performance.metric} is not known {missing}, so nothing can be compared."
        return Verdict("inconclusive", reason, numbers)
    higher = METRICS[performance.metric].greater_is_better
    drop = (realised.promised - realised.value) * (1 if higher else -1)
    numbers |= {
        performance.metric: round(realised.value, 6),
        "promised": round(realised.promised, 6),
        "drop": round(drop, 6),
        "max_absolute_drop": performance.max_absolute_drop,
    }
    if realised.constant is not None:
        numbers["constant"] = round(realised.constant, 6)
    told = (
        f"{performance.metric} is {realised.value:.4f} on {realised.labelled} labelled predictions "
        f"and was {realised.promised:.4f} on the champion's holdout"
    )
    if drop > performance.max_absolute_drop:
        limit = f"worse by {drop:.4f}, more than the {performance.max_absolute_drop:.4f} allowed"
        return Verdict("decayed", f"{told}: {limit}.", numbers)
    limit = f"within the {performance.max_absolute_drop:.4f} allowed"
    return Verdict("ok", f"{told}: {limit}.", numbers)


def measure_performance(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    window: str,
    store: Store,
    registry: Registry,
    tables: LabelTables,
    log: PredictionRows,
    measure: Measure,
    origin: Mapping[str, Any],
) -> RunRecord:
    """The record of one window's realised performance against its champion's own holdout.

    A window is measured once: labels that land later do not change its verdict.

    Args:
        spec: The model.
        dataset: Its dataset.
        window: Window and version, e.g. `2013-05-v3`.
        store: Where records live.
        registry: Where the version's own metrics are.
        tables: Where labels are.
        log: What the version answered.
        measure: Computes a metric.
        origin: Who runs this.

    Raises:
        BadParameter: There is no such window.
    """
    watched = parse_monitored_window(window, spec.monitoring.window)
    metric = spec.monitoring.performance.metric
    labels_table = f"{dataset.dataset}/labels"
    labels_version = tables.version(labels_table)

    def work(_: Attempt) -> Verdict:
        try:
            rows = log.read(
                spec.model,
                watched.window.start,
                watched.window.end,
                version=watched.version,
                columns=("key", "received_at", "score"),
            )
        except NotComputable as error:
            return not_comparable(error, {})
        labels = read_labels(tables, dataset, spec.target, version=labels_version)
        predicted, joined = join_labels(rows, labels)
        tags = registry.version(spec.model, watched.version).tags
        promised = tags.get(f"slipway.metric.{metric}")
        truth, scores = joined["label"], joined["score"]
        realised = RealisedPerformance(
            predicted=predicted,
            labelled=len(joined),
            value=measure([metric], actual=truth, scores=scores)[metric],
            constant=measure([metric], actual=truth, scores=truth * 0 + truth.mean())[metric],
            promised=None if promised is None else float(promised),
        )
        return judge_performance(realised, spec.monitoring)

    return perform(
        store,
        watched.ref(spec.model, "performance"),
        work,
        inputs=watched.inputs() | {"labels_version": labels_version},
        origin=origin,
    )


def read_labels(
    tables: LabelTables, dataset: DatasetSpec, target: str, *, version: int | None
) -> pd.Series:
    """Labels as numbers, by key as text; a key that was labelled twice counts as it was last."""
    import pandas as pd

    if version is None:
        return pd.Series([], index=pd.Index([], dtype="str"), dtype="float64")
    columns = [dataset.key, target, AVAILABLE_AT]
    rows = tables.read(f"{dataset.dataset}/labels", version=version, columns=columns)
    rows = rows.dropna(subset=[dataset.key, target]).sort_values(AVAILABLE_AT, kind="stable")
    rows = rows.drop_duplicates(dataset.key, keep="last")
    return rows.set_index(rows[dataset.key].astype(str))[target].astype("float64")


def join_labels(rows: pd.DataFrame, labels: pd.Series) -> tuple[int, pd.DataFrame]:
    """How many keys were predicted, and score and label of those whose label is known.

    A key that was asked about more than once counts once, with its newest answer.
    """
    newest = rows.dropna(subset=["key"]).sort_values("received_at", kind="stable")
    newest = newest.assign(key=newest["key"].astype(str)).drop_duplicates("key", keep="last")
    joined = newest.assign(label=newest["key"].map(labels))
    return len(newest), joined.dropna(subset=["label"])[["score", "label"]]
