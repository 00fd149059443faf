"""Tell an estimate in the verdict on a window, and its error once labels have come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from slipway.records.run_records import find_record
from slipway.records.verdicts import Number, Verdict
from slipway.stages.model.class_scores import SCORE, SCORES, score_matrix
from slipway.stages.monitor.estimate.estimated_errors import KnownErrors, estimate_errors
from slipway.stages.monitor.estimate.estimated_performance import Estimate, estimate_metric
from slipway.stages.monitor.reference.columns import logged_answers, tidy, with_answers
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from slipway.records.store import Store
    from slipway.spec import ModelSpec
    from slipway.stages.monitor.reference.reference import Reference
    from slipway.stages.monitor.windows.windows import MonitoredWindow
    from slipway.stages.ports.losses import FitLosses
    from slipway.stages.ports.metrics import Measure

ESTIMATED, ESTIMATE_ERROR = "estimated", "estimate_error"
"""Numbers: the estimate, and how far it was from the figure once labels had come."""

BLIND = (
    "an estimate sees no change of what the features mean (concept drift), so it reassures of "
    "nothing"
)


def estimate_window(
    spec: ModelSpec,
    rows: pd.DataFrame,
    reference: Reference,
    *,
    measure: Measure,
    fit_losses: FitLosses | None = None,
) -> Estimate | None:
    """Estimate the metric of a window's predictions; None where it cannot be.

    Args:
        spec: The model.
        rows: Logged predictions.
        reference: Reference of their version, with its holdout.
        measure: Computes the metric.
        fit_losses: Fits a model of the errors of a regression; None: these are not estimated.
    """
    if spec.task == "regression":
        known = known_errors(reference)
        if known is None or fit_losses is None:
            return None
        answered = logged_answers(rows, reference.named)
        return estimate_errors(
            spec.monitoring.performance.metric,
            _comparable(answered, reference, [str(name) for name in known.rows]),
            rows[SCORE].to_numpy(dtype="float64"),
            known,
            fit=fit_losses,
            seed=spec.training.seed,
            measure=measure,
        )
    if reference.held_out is None:
        return None
    classes = reference.named.classes
    if classes is None:
        scores = rows[SCORE].to_numpy(dtype="float64")
    else:
        scores = score_matrix(rows[SCORES], classes)
    return estimate_metric(
        spec.monitoring.performance.metric,
        scores,
        reference.held_out,
        threshold=reference.threshold,
        seed=spec.training.seed,
        measure=measure,
    )


def known_errors(reference: Reference) -> KnownErrors | None:
    """Return holdout rows whose errors are known; of older versions by their scores alone."""
    import pandas as pd

    known, rows = reference.held_out_features, reference.held_out
    if known is not None:
        features, labels, scores = known.features, known.labels, known.scores
    elif rows is not None:
        features, labels = pd.DataFrame(index=rows.labels.index), rows.labels.to_numpy("float64")
        scores = rows.scores
    else:
        return None
    names = [*(name for name in reference.columns.names if name in features), SCORE]
    answered = with_answers(features, scores, reference.named)
    return KnownErrors(_comparable(answered, reference, names), labels, scores)


def _comparable(rows: pd.DataFrame, reference: Reference, names: Sequence[str]) -> pd.DataFrame:
    columns = reference.named
    return tidy(rows, columns.without(set(columns.names) - set(names)))


def with_estimate(verdict: Verdict, estimate: Estimate | None, spec: ModelSpec) -> Verdict:
    """Return a verdict with the estimate in its numbers and words; its action stays."""
    if estimate is None:
        return verdict
    performance = spec.monitoring.performance
    metric, drop = performance.metric, estimate.drop(performance.metric)
    # A drop that the estimate was off by on the holdout itself tells nothing of the rows.
    alerts = drop > performance.max_absolute_drop + (estimate.off or 0.0)
    numbers: dict[str, Number] = {
        f"{ESTIMATED}.{metric}": round(estimate.value, 6),
        f"{ESTIMATED}.before": round(estimate.before, 6),
        f"{ESTIMATED}.alert": alerts,
    }
    off = ""
    if estimate.off is not None:
        numbers[f"{ESTIMATED}.off_on_holdout"] = round(estimate.off, 6)
        off = f", {in_figures(estimate.off)} off there"
    told = (
        f" Before labels {metric} is estimated at {in_figures(estimate.value)} "
        f"(the holdout, in the same way, at {in_figures(estimate.before)}{off}); {BLIND}."
    )
    if alerts:
        told += " It alerts: rows are harder than before. Only labels can request a training by it."
    return replace(
        verdict, reason=f"{verdict.reason}{told}", numbers={**verdict.numbers, **numbers}
    )


def read_estimate(store: Store, spec: ModelSpec, monitored: MonitoredWindow) -> Number:
    """Return what a window's metric was estimated at before its labels; None: it was not."""
    record = find_record(store, replace(monitored, revision=0).ref(spec.model, "drift"))
    metric = spec.monitoring.performance.metric
    return None if record is None else record.verdict.numbers.get(f"{ESTIMATED}.{metric}")


def with_estimate_error(verdict: Verdict, estimated: Number, *, metric: str) -> Verdict:
    """Return the verdict on realised performance with how far the estimate was from it."""
    value = verdict.numbers.get(metric)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return verdict
    if isinstance(estimated, bool) or not isinstance(estimated, int | float):
        return verdict
    error = estimated - value
    numbers = {
        **verdict.numbers,
        ESTIMATED: round(estimated, 6),
        ESTIMATE_ERROR: round(error, 6),
    }
    told = f" It was estimated at {in_figures(estimated)}, {in_figures(abs(error))} off."
    return replace(verdict, reason=f"{verdict.reason}{told}", numbers=numbers)
