"""Measure the realised performance of one window: its predictions against their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.stages.model.class_scores import SCORE, SCORES, score_matrix
from slipway.stages.model.decision import TAG, threshold_of
from slipway.stages.model.label_classes import UNSEEN, to_target
from slipway.stages.model.label_rows import labels_table
from slipway.stages.model.version_tags import METRIC_PREFIX
from slipway.stages.monitor.drift import not_comparable
from slipway.stages.monitor.judge_performance import RealisedPerformance, judge_performance
from slipway.stages.monitor.judged_rows import JudgedRows
from slipway.stages.monitor.label_drift import measure_label_drift, with_label_drift
from slipway.stages.monitor.label_join import JoinedLabels, join_labels, read_labels
from slipway.stages.monitor.loss import Loss
from slipway.stages.monitor.promise import Promise, loss_against_promise, promise_of
from slipway.stages.monitor.version_facts import VersionFacts, read_version_facts
from slipway.stages.monitor.watched_version import watched_version
from slipway.stages.monitor.window_blocks import WindowBlocks, divide_window, resampling
from slipway.stages.monitor.windows import parse_monitored_window

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.records.run_context import RunContext
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.labels import Label
    from slipway.stages.ports.gate_tools import GateTools
    from slipway.stages.ports.metrics import Gain
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tables import Tables


def measure_performance(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    window: str,
    context: RunContext,
    registry: Registry,
    tables: Tables,
    log: PredictionLog,
    tools: GateTools,
) -> RunRecord:
    """Measure one window's realised performance, and compare it on the same rows.

    A window is measured once: labels that arrive later do not change its verdict.

    Args:
        spec: The model.
        dataset: Its dataset.
        window: Window and version, e.g. `2013-05-v3`.
        context: Store of the records, and origin.
        registry: Version, with its metrics and holdout rows.
        tables: Labels.
        log: Predictions.
        tools: Adapters that the gates measure with.

    Raises:
        BadParameter: There is no such window.
        NotFound: The registry lost the version.
    """
    monitored = parse_monitored_window(window, spec.monitoring.window)
    labels_version = tables.version(labels_table(dataset))

    def work(_: Attempt) -> Verdict:
        answers = SCORES if spec.task == "multiclass" else SCORE
        try:
            rows = log.read(
                spec.model,
                monitored.window.start,
                monitored.window.end,
                version=monitored.version,
                columns=("key", "received_at", answers),
            )
        except NotComputable as error:
            return not_comparable(error, {})
        labels = read_labels(tables, dataset, spec.target, version=labels_version)
        joined = join_labels(rows, labels, key_type=dataset.identity.key.type)
        facts = read_version_facts(registry, spec, monitored)
        tags = watched_version(spec.model, monitored.version, registry=registry).tags
        measuring = _Measuring(spec, facts, tags, tools)
        try:
            realised = measuring.realised(joined)
        except NotComputable as error:
            counts = {"predicted": joined.predicted, "labelled": len(joined.rows)}
            return not_comparable(error, counts)
        verdict = judge_performance(realised, spec.monitoring)
        if verdict.action == "inconclusive" or facts.held_out is None:
            return verdict
        drift = measure_label_drift(
            measuring.truth(joined.rows), facts.held_out, window=monitored.window, spec=spec
        )
        return with_label_drift(verdict, drift)

    return perform(
        context,
        monitored.ref(spec.model, "performance"),
        work,
        inputs=monitored.inputs() | {"labels_version": labels_version},
    )


@dataclass(frozen=True)
class _Measuring:
    """A version whose window is measured.

    Attributes:
        spec: The model.
        facts: What its folder tells.
        tags: Its tags.
        tools: Adapters.
    """

    spec: ModelSpec
    facts: VersionFacts
    tags: Mapping[str, str]
    tools: GateTools

    @property
    def metric(self) -> str:
        return self.spec.monitoring.performance.metric

    @property
    def threshold(self) -> float:
        return threshold_of(self.tags, TAG)

    def truth(self, rows: pd.DataFrame) -> pd.Series[Any]:
        """Labels of rows: codes of classes, or numbers.

        Raises:
            NotComputable: They do not fit the version.
        """
        pinned = self.spec.task == "multiclass" or self.spec.positive is not None
        classes = self.facts.classes if pinned else None
        return to_target(rows["label"], self.spec, classes=classes)

    def realised(self, joined: JoinedLabels) -> RealisedPerformance:
        """Measure labelled predictions.

        Raises:
            NotComputable: Labels or scores do not fit the version.
        """
        multiclass, rows = self.spec.task == "multiclass", joined.rows
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
            labelled=len(rows),
            value=self._value(judged, judged.scores),
            constant=self._value(judged, judged.constant),
            loss=None,
            left_out={
                "predictions_without_label": joined.unlabelled,
                "predictions_without_key": joined.without_key,
                "repeated_predictions": joined.repeated,
            },
            unseen=int(truth.eq(UNSEEN).sum()) if multiclass else 0,
            are_of_one_kind=judged.are_of_one_kind,
        )
        if realised.value is None or len(rows) < self.spec.monitoring.min_rows:
            return realised
        blocks = divide_window(judged.times, window=self.spec.monitoring.window)
        promise = self._promise()
        if promise is None:
            missing = f"{self.metric} is not known on the champion's own holdout"
            return replace(realised, missing=f"{missing}, so nothing can be compared")
        return replace(
            realised,
            loss=self._loss(judged, blocks, promise),
            over_constant=self._over_constant(judged, blocks),
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
                is_skill=self.spec.monitoring.performance.comparator == "constant",
                window=self.spec.monitoring.window,
                seed=self.spec.training.seed,
                tools=self.tools,
            )
            if found is not None:
                return found
        return None if told is None else Promise(float(told), is_skill=False)

    def _loss(self, rows: JudgedRows, blocks: WindowBlocks, promise: Promise) -> Loss | None:
        against = "the champion's holdout let expect"
        return loss_against_promise(
            rows,
            promise,
            blocks=blocks,
            seed=self.spec.training.seed,
            against=against,
            tools=self.tools,
        )

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
            resampling=resampling(
                blocks.own,
                confidence=self.spec.monitoring.performance.confidence,
                seed=self.spec.training.seed,
            ),
        )


def _scores(rows: pd.DataFrame, classes: Sequence[Label] | None) -> np.ndarray[Any, Any]:
    """Scores of shape (n_rows,), or (n_rows, n_classes) of a multi-class model."""
    if classes is None:
        return rows[SCORE].to_numpy(dtype="float64")
    if SCORES not in rows:
        raise NotComputable("the predictions have no scores of classes", where=SCORES)
    return score_matrix(rows[SCORES], classes)
