"""Realise the performance of labelled predictions: their metric, and the loss by the comparator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable
from slipway.spec.logged_columns import logged_name
from slipway.stages.model.class_scores import (
    SCORE,
    SCORES,
    align_scores,
    known_to_any,
    score_matrix,
)
from slipway.stages.model.decision import TAG, threshold_of
from slipway.stages.model.label_classes import UNSEEN, to_target
from slipway.stages.model.version_tags import METRIC_PREFIX
from slipway.stages.monitor.labels.judged_rows import JudgedRows
from slipway.stages.monitor.labels.label_join import JoinedLabels
from slipway.stages.monitor.performance.compared_model import ComparedAnswers, ComparedModels
from slipway.stages.monitor.performance.judge_performance import RealisedPerformance
from slipway.stages.monitor.performance.loss import Loss, paired_loss
from slipway.stages.monitor.performance.promise import Promise, loss_against_promise, promise_of
from slipway.stages.monitor.performance.window_groups import find_in_groups, group_columns
from slipway.stages.monitor.reference.version_facts import VersionFacts
from slipway.stages.monitor.windows.window_blocks import WindowBlocks, divide_window, resampling
from slipway.stages.monitor.windows.windows import MonitoredWindow

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import ModelSpec
    from slipway.spec.labels import Label
    from slipway.spec.monitoring import Performance
    from slipway.stages.ports.gate_tools import GateTools
    from slipway.stages.ports.metrics import Gain, Resampling

OTHER_MODELS = frozenset({"previous", "fresh"})
"""Comparators that answer the same rows."""


def logged_columns(spec: ModelSpec) -> Sequence[str] | None:
    """Return the columns of the log that are read; None: all."""
    multiclass = spec.task == "multiclass"
    if spec.monitoring.performance.comparator in OTHER_MODELS:
        return None
    groups = [logged_name(one, multiclass=multiclass) for one in group_columns(spec)]
    return ("key", "received_at", SCORES if multiclass else SCORE, *groups)


@dataclass(frozen=True)
class Realising:
    """A version whose window is measured.

    Attributes:
        spec: The model.
        monitored: The window.
        facts: What the version's folder tells.
        tags: Its tags.
        tools: Adapters.
        models: Models to compare with.
    """

    spec: ModelSpec
    monitored: MonitoredWindow
    facts: VersionFacts
    tags: Mapping[str, str]
    tools: GateTools
    models: ComparedModels

    @property
    def criteria(self) -> Performance:
        """Criteria for decay."""
        return self.spec.monitoring.performance

    @property
    def metric(self) -> str:
        """Metric that is judged."""
        return self.criteria.metric

    @property
    def seed(self) -> int:
        """Seed of the draws."""
        return self.spec.training.seed

    @property
    def threshold(self) -> float:
        """Score above which the version predicts class 1."""
        return threshold_of(self.tags, TAG)

    def truth(self, rows: pd.DataFrame) -> pd.Series[Any]:
        """Labels of rows: codes of classes, or numbers.

        Raises:
            NotComputable: They do not fit the version.
        """
        pinned = self.spec.task == "multiclass" or self.spec.positive is not None
        classes = self.facts.classes if pinned else None
        return to_target(rows["label"], self.spec, classes=classes)

    def realised(self, logged: pd.DataFrame, joined: JoinedLabels) -> RealisedPerformance:
        """Measure labelled predictions.

        Args:
            logged: Logged predictions.
            joined: Those with labels.

        Raises:
            NotComputable: Labels or scores do not fit the version.
        """
        multiclass, rows = self.spec.task == "multiclass", joined.rows
        left_out = {
            "predictions_without_label": joined.unlabelled,
            "predictions_without_key": joined.without_key,
            "repeated_predictions": joined.repeated,
        }
        if rows.empty:
            return RealisedPerformance(joined.predicted, 0, None, None, None, left_out=left_out)
        truth = self.truth(rows)
        scores = _scores(rows, self.facts.classes if multiclass else None)
        judged = JudgedRows.of(
            self.metric,
            times=rows["event_time"],
            truth=truth,
            scores=scores,
            threshold=self.threshold,
        )
        realised = RealisedPerformance(
            predicted=joined.predicted,
            labelled=joined.labelled,
            value=self._value(judged, judged.scores),
            constant=self._value(judged, judged.constant),
            loss=None,
            left_out=left_out,
            unseen=int(truth.eq(UNSEEN).sum()) if multiclass else 0,
            are_of_one_kind=judged.are_of_one_kind,
            odd_scores=_odd_rows(scores),
        )
        if realised.value is None or len(rows) < self.spec.monitoring.min_rows:
            return realised
        blocks = divide_window(judged.times, window=self.monitored.window.unit)
        loss, why = self._loss(logged.loc[rows.index], rows, judged, blocks)
        missing = f"{self.metric} is not known on the champion's own holdout"
        groups = find_in_groups(
            self.spec,
            logged.loc[rows.index],
            judged,
            scores,
            threshold=self.threshold,
            resampling=self._resampling(blocks),
            tools=self.tools,
        )
        return replace(
            realised,
            groups=groups,
            loss=None if loss is None else replace(loss, note=f"{loss.note}{why}"),
            missing=f"{missing}, so nothing can be compared",
            over_constant=self._over_constant(judged, blocks),
        )

    def _loss(
        self, logged: pd.DataFrame, rows: pd.DataFrame, judged: JudgedRows, blocks: WindowBlocks
    ) -> tuple[Loss | None, str]:
        """The loss by the comparator, or by the holdout where that cannot answer; and why not."""
        why = ""
        try:
            if self.criteria.comparator == "previous":
                former = self.models.former(logged, tags=self.tags)
                return self._paired_loss(rows, former, blocks), ""
            if self.criteria.comparator == "fresh":
                fresh = self.models.fresh(
                    logged, monitored=self.monitored, manifest=self.facts.manifest
                )
                return self._paired_loss(rows, fresh, blocks), ""
        except NotComputable as error:
            why = f" Compared with its holdout, since {error.message}."
        promise = self._promise()
        if promise is None:
            return None, why
        against = "the champion's holdout let expect"
        loss = loss_against_promise(
            judged, promise, blocks=blocks, seed=self.seed, against=against, tools=self.tools
        )
        return loss, why

    def _paired_loss(
        self, rows: pd.DataFrame, other: ComparedAnswers, blocks: WindowBlocks
    ) -> Loss | None:
        """The loss against another model on the same rows."""
        multiclass, classes = self.spec.task == "multiclass", self.facts.classes
        wanted: Sequence[Label] | None = classes
        if multiclass:
            wanted = known_to_any(self.spec, [classes, other.classes])
        truth = to_target(rows["label"], self.spec, classes=wanted)
        own = _scores(rows, classes if multiclass else None)
        both = []
        for scores, known, threshold in (
            (own, classes, self.threshold),
            (other.scores, other.classes, other.threshold),
        ):
            aligned = align_scores(scores, known=known, wanted=wanted)
            if aligned is None:
                raise NotComputable("the other model knows other classes")
            both.append(
                JudgedRows.of(
                    self.metric,
                    times=rows["event_time"],
                    truth=truth,
                    scores=aligned,
                    threshold=threshold,
                )
            )
        ours, theirs = both
        gain = self.tools.gains.of_metrics(
            [self.metric],
            actual=ours.truth,
            challenger=ours.scores,
            other=theirs.scores,
            resampling=self._resampling(blocks),
        )[self.metric]
        expected = self._value(theirs, theirs.scores)
        if gain is None or expected is None:
            return None
        return paired_loss(
            gain,
            expected=expected,
            blocks=blocks.own.found,
            unit=blocks.own.unit,
            against=other.against,
        )

    def _value(self, rows: JudgedRows, scores: np.ndarray[Any, Any]) -> float | None:
        return self.tools.measure([self.metric], actual=rows.truth, scores=scores)[self.metric]

    def _promise(self) -> Promise | None:
        """What the holdout promises; of a version without holdout rows the figure in its tags."""
        held_out, told = self.facts.held_out, self.tags.get(f"{METRIC_PREFIX}{self.metric}")
        if held_out is not None:
            found = promise_of(
                JudgedRows.of(
                    self.metric,
                    times=held_out.times,
                    truth=held_out.labels,
                    scores=held_out.scores,
                    threshold=self.threshold,
                ),
                is_skill=self.criteria.comparator != "holdout",
                window=self.monitored.window.unit,
                seed=self.seed,
                tools=self.tools,
            )
            if found is not None:
                return found
        return None if told is None else Promise(float(told), is_skill=False)

    def _over_constant(self, rows: JudgedRows, blocks: WindowBlocks) -> Gain | None:
        """Gain over the constant on the same rows; None by a metric that measures none."""
        if rows.floor is None:
            return None
        return self.tools.gains.surplus(
            self.metric,
            actual=rows.truth,
            scores=rows.scores,
            constant=rows.constant,
            promise=0.0,
            resampling=self._resampling(blocks),
        )

    def _resampling(self, blocks: WindowBlocks) -> Resampling:
        return resampling(blocks.own, confidence=self.criteria.confidence, seed=self.seed)


def _odd_rows(scores: np.ndarray[Any, Any]) -> int:
    """Number of rows with a score that is no finite number."""
    import numpy as np

    odd = ~np.isfinite(scores)
    return int(np.count_nonzero(odd if odd.ndim == 1 else odd.any(axis=1)))


def _scores(rows: pd.DataFrame, classes: Sequence[Label] | None) -> np.ndarray[Any, Any]:
    """Scores of shape (n_rows,), or (n_rows, n_classes) of a multi-class model."""
    if classes is None:
        return rows[SCORE].to_numpy(dtype="float64")
    if SCORES not in rows:
        raise NotComputable("the predictions have no scores of classes", where=SCORES)
    return score_matrix(rows[SCORES], classes)
