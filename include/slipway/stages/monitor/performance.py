"""Measure the realised performance of one window: its predictions against their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.spec.metrics import METRICS
from slipway.stages.model.class_scores import (
    SCORE,
    SCORES,
    class_shares,
    score_matrix,
    with_unseen,
)
from slipway.stages.model.decision import TAG, judged, threshold_of
from slipway.stages.model.label_classes import UNSEEN, to_target
from slipway.stages.model.label_rows import labels_table
from slipway.stages.model.left_out import format_left_out
from slipway.stages.monitor.drift import not_comparable
from slipway.stages.monitor.label_join import join_labels, read_labels
from slipway.stages.monitor.version_classes import read_classes
from slipway.stages.monitor.watched_version import watched_version
from slipway.stages.monitor.windows import parse_monitored_window
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.records.run_context import RunContext
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.labels import Label
    from slipway.spec.monitoring import Monitoring
    from slipway.stages.ports.metrics import Measure
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tables import Tables


@dataclass(frozen=True)
class RealisedPerformance:
    """Realised performance of one window.

    Attributes:
        predicted: Number of predicted keys.
        labelled: Number of them with a label.
        value: Metric on these; None when it cannot be computed.
        constant: Metric of predicting these labels' own mean, the best constant in hindsight and
            so the comparator that is hardest to beat by luck.
        promised: Champion's metric on its own holdout; None when it has no such tag.
        left_out: Number of predictions that were left out, by reason.
        unseen: Number of labels of a class that the version does not know; each of them counts as a
            wrong answer.
    """

    predicted: int
    labelled: int
    value: float | None
    constant: float | None
    promised: float | None
    left_out: Mapping[str, int] = field(default_factory=dict)
    unseen: int = 0

    @property
    def coverage(self) -> float:
        """Share of the predicted keys that have a label."""
        return self.labelled / self.predicted if self.predicted else 0.0


def judge_performance(realised: RealisedPerformance, monitoring: Monitoring) -> Verdict:
    """Decide whether a champion has decayed in a window; pure."""
    performance = monitoring.performance
    numbers = {
        "predicted": realised.predicted,
        "labelled": realised.labelled,
        "coverage": round(realised.coverage, 4),
        **realised.left_out,
    }
    left_out = format_left_out(realised.left_out)
    if realised.unseen:
        numbers["unseen_class"] = realised.unseen
        left_out += (
            f" {realised.unseen:,} labels are of a class that the version was not trained for, and "
            "count as wrong answers."
        )
    if realised.labelled < monitoring.min_rows:
        reason = (
            f"{realised.labelled} of {realised.predicted} predictions have labels; "
            f"{monitoring.min_rows} are needed to tell.{left_out}"
        )
        return Verdict("inconclusive", reason, numbers)
    if realised.value is None or realised.promised is None:
        missing = "on the champion's own holdout" if realised.value is not None else "on these rows"
        reason = (
            f"{performance.metric} is not known {missing}, so nothing can be compared.{left_out}"
        )
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
    value, promised = in_figures(realised.value), in_figures(realised.promised)
    allowed = in_figures(performance.max_absolute_drop)
    summary = (
        f"{performance.metric} is {value} on {realised.labelled} labelled predictions "
        f"and was {promised} on the champion's holdout"
    )
    if drop > performance.max_absolute_drop:
        limit = f"worse by {in_figures(drop)}, more than the {allowed} allowed"
        return Verdict("decayed", f"{summary}: {limit}.{left_out}", numbers)
    limit = f"within the {allowed} allowed"
    return Verdict("ok", f"{summary}: {limit}.{left_out}", numbers)


def measure_performance(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    window: str,
    context: RunContext,
    registry: Registry,
    tables: Tables,
    log: PredictionLog,
    measure: Measure,
) -> RunRecord:
    """Measure one window's realised performance against its champion's own holdout.

    A window is measured once: labels that arrive later do not change its verdict.

    Args:
        spec: The model.
        dataset: Its dataset.
        window: Window and version, e.g. `2013-05-v3`.
        context: Store of the records, and origin.
        registry: Tags of the version, with its own metrics.
        tables: Labels.
        log: Predictions.
        measure: Computes metrics.

    Raises:
        BadParameter: There is no such window.
        NotFound: The registry lost the version.
    """
    monitored = parse_monitored_window(window, spec.monitoring.window)
    metric, multiclass = spec.monitoring.performance.metric, spec.task == "multiclass"
    labels_version = tables.version(labels_table(dataset))

    def work(_: Attempt) -> Verdict:
        try:
            rows = log.read(
                spec.model,
                monitored.window.start,
                monitored.window.end,
                version=monitored.version,
                columns=("key", "received_at", SCORES if multiclass else SCORE),
            )
        except NotComputable as error:
            return not_comparable(error, {})
        labels = read_labels(tables, dataset, spec.target, version=labels_version)
        key_type = dataset.identity.key.type
        joined = join_labels(rows, labels, key_type=key_type)
        try:
            pinned = multiclass or spec.positive is not None
            classes = read_classes(registry, spec, monitored) if pinned else None
            truth = to_target(joined.rows["label"], spec, classes=classes)
            scores = _scores(joined.rows, classes if multiclass else None)
        except NotComputable as error:
            counts = {"predicted": joined.predicted, "labelled": len(joined.rows)}
            return not_comparable(error, counts)
        tags = watched_version(spec.model, monitored.version, registry=registry).tags
        promised = tags.get(f"slipway.metric.{metric}")
        unseen = int(truth.eq(UNSEEN).sum()) if multiclass else 0
        truth, scores = with_unseen(truth, scores)
        threshold = threshold_of(tags, TAG)
        both = [
            judged(one, metric=metric, threshold=threshold)
            for one in (scores, _constant(truth, scores))
        ]
        realised = RealisedPerformance(
            predicted=joined.predicted,
            labelled=len(joined.rows),
            value=measure([metric], actual=truth, scores=both[0])[metric],
            constant=measure([metric], actual=truth, scores=both[1])[metric],
            promised=None if promised is None else float(promised),
            left_out={
                "predictions_without_label": joined.unlabelled,
                "predictions_without_key": joined.without_key,
                "repeated_predictions": joined.repeated,
            },
            unseen=unseen,
        )
        return judge_performance(realised, spec.monitoring)

    return perform(
        context,
        monitored.ref(spec.model, "performance"),
        work,
        inputs=monitored.inputs() | {"labels_version": labels_version},
    )


def _scores(rows: pd.DataFrame, classes: Sequence[Label] | None) -> np.ndarray[Any, Any]:
    """Scores of shape (n_rows,), or (n_rows, n_classes) of a multi-class model."""
    if classes is None:
        return rows[SCORE].to_numpy(dtype="float64")
    if SCORES not in rows:
        raise NotComputable("the predictions have no scores of classes", where=SCORES)
    return score_matrix(rows[SCORES], classes)


def _constant(truth: pd.Series[Any], scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The labels' own mean for every row, or the share of each class among them."""
    import numpy as np

    if scores.ndim == 1:
        return np.full(len(truth), truth.mean())
    return np.tile(class_shares(truth, range(scores.shape[1])), (len(truth), 1))
