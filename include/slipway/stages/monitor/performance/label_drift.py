"""Compare the labels of a window with those of the version's holdout: whether outcomes changed.

Named apart from the drift of features and predictions: it is known only once labels have matured,
and a model may be as right as before on other outcomes, or wrong on the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from slipway.records.verdicts import Number, Verdict
from slipway.stages.monitor.drift.distances import Comparison, calibrate_reference, compare
from slipway.stages.monitor.reference.columns import Columns

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import ModelSpec
    from slipway.stages.model.held_out_rows import HeldOutRows
    from slipway.stages.monitor.windows.windows import Window

LABEL = "label"


@dataclass(frozen=True)
class LabelDrift:
    """Drift of the labels of a window.

    Attributes:
        action: `observed` where the holdout is too short for a limit.
        reason: In words; empty unless they drift.
        numbers: Distance, and its limit where there is one.
    """

    action: Literal["ok", "drifting", "observed"]
    reason: str = ""
    numbers: Mapping[str, Number] = field(default_factory=dict)


def measure_label_drift(
    labels: pd.Series[Any], held_out: HeldOutRows, *, window: Window, spec: ModelSpec
) -> LabelDrift:
    """Return how far the labels of a window are from those of the holdout.

    Args:
        labels: Of the window, as `to_target` returns them, of shape (n_rows,).
        held_out: Holdout rows of the version.
        window: The window.
        spec: The model.
    """
    is_number = spec.task == "regression"
    drift = spec.monitoring.drift
    columns = Columns(
        numeric=(LABEL,) if is_number else (),
        categorical=() if is_number else (LABEL,),
        numeric_method=drift.numeric_method,
        categorical_method=drift.categorical_method,
        scores=(),
    )
    known = calibrate_reference(
        _tidy(held_out.labels, is_number=is_number),
        held_out.times,
        columns=columns,
        window=window.end - window.start,
        window_rows=len(labels),
        spec=spec,
    )
    found = compare(_tidy(labels, is_number=is_number), known, seed=spec.training.seed)
    told = _format_means(labels, held_out.labels, spec)
    return judge_label_drift(found, told)


def judge_label_drift(comparison: Comparison, told: str) -> LabelDrift:
    """Decide whether the labels have drifted; pure.

    Args:
        comparison: Of the labels with those of the holdout.
        told: Both in words.
    """
    distance = comparison.distances.get(LABEL)
    if distance is None:
        return LabelDrift("observed")
    numbers: dict[str, Number] = {"label_distance": round(distance, 4)}
    limits = comparison.limits
    if LABEL not in limits:
        return LabelDrift("observed", numbers=numbers)
    numbers["label_distance_limit"] = round(limits[LABEL], 4)
    if distance <= limits[LABEL]:
        return LabelDrift("ok", numbers=numbers)
    return LabelDrift(
        "drifting",
        f"Label drift: the labels are {distance / limits[LABEL]:.1f} times the limit away from "
        f"those of the holdout; {told}.",
        numbers,
    )


def with_label_drift(verdict: Verdict, drift: LabelDrift) -> Verdict:
    """Return a verdict on performance that names the drift of the labels, and is the same else.

    Args:
        verdict: On performance.
        drift: Of the same window's labels.
    """
    numbers = {**verdict.numbers, "label_drift": drift.action, **drift.numbers}
    reason = f"{verdict.reason} {drift.reason}".strip()
    return replace(verdict, reason=reason, numbers=numbers)


def _tidy(labels: pd.Series[Any], *, is_number: bool) -> pd.DataFrame:
    import pandas as pd

    values = labels.reset_index(drop=True).astype("float64")
    if is_number:
        return pd.DataFrame({LABEL: values})
    return pd.DataFrame({LABEL: values.map("{:.0f}".format).astype(object)})


def _format_means(labels: pd.Series[Any], before: pd.Series[Any], spec: ModelSpec) -> str:
    if spec.task == "regression":
        return f"their mean is {labels.mean():.4g} and was {before.mean():.4g}"
    if spec.task == "multiclass":
        return "the shares of the classes differ"
    return f"class 1 is {labels.mean():.1%} of them and was {before.mean():.1%}"
