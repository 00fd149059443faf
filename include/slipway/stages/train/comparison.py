"""Compare challenger, champion and a constant model on the same rows, unseen by all three."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway.errors import BadRequest
from slipway.records.verdicts import Number
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.labels import Label
from slipway.spec.metrics import has_classes, metrics_of
from slipway.stages.model.agreement import EVIDENCE, measure_agreement
from slipway.stages.model.class_scores import align_scores, known_to_any, with_unseen
from slipway.stages.model.label_classes import to_target
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.ports.metrics import Gains, Measure
from slipway.stages.ports.package import Package
from slipway.stages.ports.tables import Tables
from slipway.stages.train.common_holdout import common_holdout
from slipway.stages.train.confusion import Confusion, confusion_of
from slipway.stages.train.gate_numbers import (
    BLOCK_UNIT,
    BLOCKS,
    CLASSES,
    POSITIVE_ROWS,
    UNSEEN_ROWS,
    gain_numbers,
)
from slipway.stages.train.holdout_blocks import divide_into_blocks
from slipway.stages.train.holdout_slices import slices_of
from slipway.stages.train.random_holdout import holdout_keys
from slipway.stages.train.slice_numbers import SliceGain, slice_numbers

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Compared:
    """Result of a comparison.

    Attributes:
        numbers: Metrics of challenger, champion and constant, for the gates.
        confusion: Confusion matrix of the challenger; None of a regression.
        slices: Gains over the champion by slice; empty without slices or champion.
    """

    numbers: dict[str, Number]
    confusion: Confusion | None
    slices: list[SliceGain] = field(default_factory=list)


@dataclass(frozen=True)
class Comparison:
    """Comparison of two versions and a constant on common holdout rows.

    Attributes:
        spec: Model.
        dataset: Its dataset.
        tables: Tables of the dataset.
        measure: Computes the metrics.
        gains: Computes gains over the champion, with their error.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    tables: Tables
    measure: Measure
    gains: Gains

    def compare(
        self, pins: Snapshot, challenger: Package, champion: Package | None, *, version: int | None
    ) -> Compared:
        """Return the metrics of challenger, champion and constant, for the gates.

        Args:
            pins: Pinned versions of the tables.
            challenger: Trained model.
            champion: Champion's model, or None without one.
            version: Champion's version.
        """
        contenders = {"challenger": challenger} | ({"champion": champion} if champion else {})
        rows = self.common_holdout(pins, list(contenders.values()))
        known = challenger.manifest.get("classes")
        classes = known
        if self.spec.task == "multiclass":
            pinned = [contender.manifest.get("classes") for contender in contenders.values()]
            classes = known_to_any(self.spec, pinned)
        labels = rows[self.spec.target]
        actual = to_target(labels, self.spec, classes=classes)
        numbers: dict[str, Number] = {"rows": len(rows), "champion.version": version}
        numbers |= self._counts(labels, actual, known)
        scores = {name: _scores(contender, rows, classes) for name, contender in contenders.items()}
        for name, scored in scores.items():
            numbers |= self._metrics(name, actual, scored)
        slices: list[SliceGain] = []
        if champion is not None:
            numbers |= _agreement(scores["challenger"], scores["champion"])
            gained, slices = self._gains(rows, actual, scores["challenger"], scores["champion"])
            numbers |= gained
        import numpy as np

        constant = align_scores(
            np.array([challenger.manifest["constant"]] * len(rows), dtype=np.float64),
            known=known,
            wanted=classes,
        )
        numbers |= self._metrics("constant", actual, constant)
        answers = scores["challenger"]
        confusion = None
        if has_classes(self.spec.task) and answers is not None:
            confusion = confusion_of(actual, answers, classes or (0, 1))
            numbers |= confusion.numbers()
        return Compared(numbers, confusion, slices)

    def _counts(
        self, labels: pd.Series[Any], actual: pd.Series[Any], known: Sequence[Label] | None
    ) -> dict[str, Number]:
        """Number of rows or classes, which say why a metric cannot be computed."""
        if self.spec.task == "classification":
            return {POSITIVE_ROWS: int(actual.sum())}
        if self.spec.task == "multiclass":
            unseen = 0 if known is None else int((~labels.isin(list(known))).sum())
            return {CLASSES: int(labels.nunique()), UNSEEN_ROWS: unseen}
        return {}

    def common_holdout(self, pins: Snapshot, contenders: Sequence[Package]) -> pd.DataFrame:
        """Holdout rows of the challenger that no contender was trained on."""
        return common_holdout(self.spec, self.dataset, self.tables, pins, contenders)

    def _metrics(self, who: str, actual: pd.Series[Any], scores: Any | None) -> dict[str, Number]:
        names = metrics_of(self.spec.task)
        if scores is None:
            return {f"{who}.{name}": None for name in names}
        actual, scores = with_unseen(actual, scores)
        measured = self.measure(names, actual=actual, scores=scores)
        return {f"{who}.{name}": measured[name] for name in names}

    def _gains(
        self, rows: pd.DataFrame, actual: pd.Series[Any], challenger: Any | None, other: Any | None
    ) -> tuple[dict[str, Number], list[SliceGain]]:
        """Gains over the champion, with their error, where the gates ask for them."""
        gates = self.spec.gates
        if not gates.needs_blocks or not len(rows) or challenger is None or other is None:
            return {}, []
        identity = self.dataset.identity
        keys = holdout_keys(rows, identity.key)
        blocks = divide_into_blocks(rows, self.spec, event_time=identity.time.column, keys=keys)
        numbers: dict[str, Number] = {BLOCKS: blocks.found, BLOCK_UNIT: blocks.unit}
        if blocks.found < gates.min_blocks:
            return numbers, []
        target, challenger = with_unseen(actual, challenger)
        given: dict[str, Any] = {
            "actual": target,
            "challenger": challenger,
            "other": with_unseen(actual, other)[1],
            "resampling": blocks.resampling(gates, seed=self.spec.training.seed),
        }
        for name, gain in self.gains.of_metrics(gates.resampled, **given).items():
            numbers |= gain_numbers(name, gain)
        if gates.slices is None:
            return numbers, []
        masks = slices_of(rows, gates.slices)
        metric = next(iter(gates.metrics))
        found = self.gains.of_slices(metric, slices=masks, **given)
        slices = [SliceGain(one, int(masks[one].sum()), gain) for one, gain in found.items()]
        return numbers | slice_numbers(slices, max_loss=gates.slices.max_loss), slices


def _scores(
    contender: Package, rows: pd.DataFrame, classes: Sequence[Label] | None
) -> np.ndarray[Any, Any] | None:
    """Scores in the order of the challenger's classes.

    None when the table no longer has a column that the model needs, or when it knows other classes.
    """
    try:
        return align_scores(
            contender.predict(rows), known=contender.manifest.get("classes"), wanted=classes
        )
    except BadRequest:
        return None


def _agreement(
    challenger: np.ndarray[Any, Any] | None, champion: np.ndarray[Any, Any] | None
) -> dict[str, Number]:
    """Agreement of both on the same rows, which the rollout expects of its candidate."""
    agreement = None
    if challenger is not None and champion is not None:
        agreement = measure_agreement(challenger.tolist(), champion.tolist())
    return agreement.numbers() if agreement is not None else dict.fromkeys(EVIDENCE)
