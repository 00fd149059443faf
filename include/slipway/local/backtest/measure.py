"""Measure models on the periods of a history, by the labels that are known at its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from slipway.adapters.delta_tables.past_tables import PastTables
from slipway.adapters.metrics import BlockGains, measure
from slipway.local.backtest.played_log import AskedRows, Scores
from slipway.spec.metrics import METRICS
from slipway.stages.backtest.compare import Window
from slipway.stages.backtest.differences import WindowDifference
from slipway.stages.backtest.results import PlayedModel
from slipway.stages.gates.holdout_blocks import HoldoutBlocks, divide_into_blocks
from slipway.stages.model.class_scores import align_scores, known_to_any, with_unseen
from slipway.stages.model.decision import judged
from slipway.stages.model.key_text import key_texts
from slipway.stages.model.label_classes import to_target
from slipway.stages.model.label_rows import labels_table
from slipway.stages.monitor.labels.judged_rows import JudgedRows
from slipway.stages.monitor.labels.label_join import read_labels

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import ModelSpec

LEAST_BLOCKS = 5
"""Fewer blocks in a window tell no error of a difference."""


@dataclass(frozen=True)
class _Truth:
    """Labelled rows of a period.

    Attributes:
        known: Whether each of the period's rows has a label.
        actual: Labels of those that have, as models learn them.
        blocks: Their blocks.
    """

    known: np.ndarray[Any, Any]
    actual: pd.Series[Any]
    blocks: HoldoutBlocks | None


class MeasuredModels:
    """Fulfils `Measured` by the metric of the model's monitoring.

    Args:
        spec: Model.
        rows: Rows of each period.
        scores: Scores of the models on them.
        models: Models by fit.
    """

    def __init__(
        self, spec: ModelSpec, rows: AskedRows, scores: Scores, models: Mapping[str, PlayedModel]
    ) -> None:
        self.metric = spec.monitoring.performance.metric
        self._spec, self._rows, self._scores, self._models = spec, rows, scores, models
        self.value = lru_cache(maxsize=None)(self._value)
        self.difference = lru_cache(maxsize=None)(self._difference)
        self._truth = lru_cache(maxsize=8)(self._read_truth)

    def windows(self) -> list[Window]:
        """Return the periods that have labelled rows."""
        steps = self._rows.timeline.steps
        counted = [
            Window(number, step.name, step.days, int(self._truth(number).known.sum()))
            for number, step in enumerate(steps)
            if step.start is not None
        ]
        return [replace(one, constant=self._constant(one.step)) for one in counted if one.rows]

    def _constant(self, step: int) -> float | None:
        """Loss of the best constant of a period in hindsight; None where it is no floor."""
        import numpy as np

        truth = self._truth(step).actual
        multiclass = self._spec.task == "multiclass"
        shape = (len(truth), len(self._classes or ())) if multiclass else (len(truth),)
        rows = JudgedRows.of(
            self.metric, times=truth, truth=truth, scores=np.zeros(shape), threshold=0.5
        )
        if rows.floor is None:
            return None
        return self._lost(measure([self.metric], actual=rows.truth, scores=rows.floor)[self.metric])

    def loss(self, fit: str, step: int) -> float | None:
        """Return the metric where less is better, else what it lacks to 1."""
        return self._lost(self.value(fit, step))

    def _lost(self, value: float | None) -> float | None:
        if value is None or not METRICS[self.metric].greater_is_better:
            return value
        return 1.0 - value

    def _value(self, fit: str, step: int) -> float | None:
        truth = self._truth(step)
        actual, scores = with_unseen(truth.actual, self._judged(fit, step))
        return measure([self.metric], actual=actual, scores=scores)[self.metric]

    def _difference(self, fit: str, other: str, step: int) -> WindowDifference | None:
        losses = self.loss(fit, step), self.loss(other, step)
        if losses[0] is None or losses[1] is None:
            return None
        truth = self._truth(step)
        plain = WindowDifference(losses[0] - losses[1], len(truth.actual))
        if truth.blocks is None or truth.blocks.found < LEAST_BLOCKS:
            return plain
        actual, scores = with_unseen(truth.actual, self._judged(fit, step))
        gain = BlockGains().of_metrics(
            [self.metric],
            actual=actual,
            challenger=scores,
            other=with_unseen(truth.actual, self._judged(other, step))[1],
            resampling=truth.blocks.resampling(self._spec.gates, seed=self._spec.training.seed),
        )[self.metric]
        if gain is None:
            return plain
        return WindowDifference(plain.value, plain.rows, gain.error, gain.independent)

    def _judged(self, fit: str, step: int) -> np.ndarray[Any, Any]:
        """Scores of a period's labelled rows, as the metric judges them."""
        model = self._models[fit]
        aligned = align_scores(
            self._scores.kept(fit, step), known=model.classes, wanted=self._classes
        )
        if aligned is None:
            raise AssertionError  # classes known to any model hold those of each
        return judged(
            aligned[self._truth(step).known], metric=self.metric, threshold=model.threshold
        )

    @cached_property
    def _classes(self) -> tuple[Any, ...] | None:
        pinned = [one.classes for one in self._models.values()]
        if self._spec.task == "multiclass":
            return known_to_any(self._spec, pinned)
        return pinned[0] if pinned else None

    @cached_property
    def _labels(self) -> pd.Series[Any]:
        rows, dataset = self._rows, self._rows.dataset
        tables = PastTables(rows.timeline.root, rows.timeline.steps[-1].versions)
        version = tables.version(labels_table(dataset))
        return read_labels(tables, dataset, self._spec.target, version=version)

    def _read_truth(self, step: int) -> _Truth:
        rows, identity = self._rows.of(step), self._rows.dataset.identity
        keys = rows[identity.key.column]
        labels = key_texts(keys).map(self._labels)
        known = labels.notna().to_numpy()
        actual = to_target(
            labels[known].astype(self._labels.dtype), self._spec, classes=self._classes
        ).reset_index(drop=True)
        blocks = None
        if known.any():
            blocks = divide_into_blocks(
                rows[known],
                self._in_blocks(self._rows.timeline.steps[step].days),
                event_time=identity.time.column,
                keys=keys[known],
            )
        return _Truth(known, actual, blocks)

    def _in_blocks(self, days: float) -> ModelSpec:
        """The spec with blocks of which a period has several; those of a cluster stay."""
        gates = self._spec.gates
        if gates.cluster is not None:
            return self._spec
        unit = "hour" if days < LEAST_BLOCKS else "day"
        return self._spec.model_copy(update={"gates": gates.model_copy(update={"blocks": unit})})
