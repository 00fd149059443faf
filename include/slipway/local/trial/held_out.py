"""Score the holdout of a trial: reliability, residuals, and what each column is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway.local.trial.importance import Importance, weigh_columns
from slipway.local.trial.play import Trial
from slipway.records.scratch_folder import scratch_folder
from slipway.spec.metrics import has_classes
from slipway.stages.model.decision import at_half, threshold_of
from slipway.stages.model.label_classes import to_target
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.model.reliability import ReliabilityBin, reliability
from slipway.stages.train.comparison import Comparison
from slipway.stages.train.confusion import Confusion, confusion_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.adapters.model_package.package import Package

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class HeldOut:
    """What a model does on rows that it has not seen.

    Attributes:
        rows: Number of rows.
        metric: Metric by which the columns are weighed.
        reliability: Of a classification.
        residuals: Quantiles of actual minus predicted value, of a regression.
        importance: What each column is worth.
        confusion: Predicted against actual classes; None of a regression.
    """

    rows: int
    metric: str
    reliability: Sequence[ReliabilityBin] = ()
    residuals: Sequence[tuple[float, float]] = ()
    importance: Importance = field(default_factory=Importance)
    confusion: Confusion | None = None


def measure_held_out(trial: Trial, *, progress: Callable[[str], None]) -> HeldOut | None:
    """Return what the trained model does on its holdout; None before it was trained.

    Args:
        trial: Trial, played to its end.
        progress: Shows how far it is.
    """
    from slipway.wiring.gate_tools import gate_tools

    pinned, trained = trial.find("snapshot"), trial.find("train")
    if pinned is None or trained is None:
        return None
    container, spec = trial.container, trial.model
    contest = Comparison(spec, trial.dataset, container.tables, gate_tools())
    with scratch_folder("slipway-try-", needs="the trained version") as scratch:
        folder = container.tracking.download(
            trained.evidence["model_uri"],
            scratch / spec.model,
            sha256=trained.evidence["manifest_sha256"],
        )
        package = container.load_package(folder)
        rows = contest.common_holdout(Snapshot.from_numbers(pinned.numbers), [package])
        return _measure(rows, package, trial, progress)


def _measure(
    rows: pd.DataFrame, package: Package, trial: Trial, progress: Callable[[str], None]
) -> HeldOut:
    spec = trial.model
    classes = package.manifest.get("classes")
    target = to_target(rows[spec.target], spec, classes=classes).reset_index(drop=True)
    scores = package.predict(rows)
    metric = next(iter(spec.gates.metrics))
    importance = weigh_columns(
        rows, package, target=target, metric=metric, seed=spec.training.seed, progress=progress
    )
    if not has_classes(spec.task):
        residuals = _residuals(target.to_numpy() - scores)
        return HeldOut(len(rows), metric, residuals=residuals, importance=importance)
    return HeldOut(
        len(rows),
        metric,
        reliability=reliability(target.to_numpy(), scores),
        importance=importance,
        confusion=confusion_of(
            target, at_half(scores, threshold_of(package.manifest)), classes or (0, 1)
        ),
    )


def _residuals(differences: np.ndarray[Any, Any]) -> list[tuple[float, float]]:
    import numpy as np

    values = np.quantile(differences, QUANTILES)
    return [(share, float(one)) for share, one in zip(QUANTILES, values, strict=True)]
