"""Compare challenger, champion and a constant model on the same rows, unseen by all three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway.records.verdicts import Number
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.labels import Label
from slipway.spec.metrics import METRICS, has_classes, metrics_of
from slipway.stages.gates.check import Contest
from slipway.stages.gates.checks import CHECKS
from slipway.stages.gates.contender_scores import contender_scores
from slipway.stages.gates.gate_numbers import (
    BLOCK_UNIT,
    BLOCKS,
    CLASSES,
    POSITIVE_ROWS,
    UNSEEN_ROWS,
    gain_numbers,
)
from slipway.stages.gates.holdout_blocks import HoldoutBlocks, divide_into_blocks
from slipway.stages.gates.random_holdout import holdout_keys
from slipway.stages.model.agreement import EVIDENCE, measure_agreement
from slipway.stages.model.aliases import ANCHOR, CHALLENGER, CHAMPION
from slipway.stages.model.class_scores import align_scores, known_to_any, with_unseen
from slipway.stages.model.decision import at_half, threshold_of
from slipway.stages.model.label_classes import to_target
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.model.predicted_classes import HALF
from slipway.stages.model.reliability import FILE as RELIABILITY_FILE
from slipway.stages.model.reliability import reliability, reliability_file, reliability_numbers
from slipway.stages.ports.gate_tools import GateTools
from slipway.stages.ports.package import Package
from slipway.stages.ports.tables import Tables
from slipway.stages.train.common_holdout import CommonRows, common_rows
from slipway.stages.train.confusion import FILE, confusion_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Compared:
    """Result of a comparison.

    Attributes:
        numbers: Metrics of challenger, champion and constant, and what other gates measured.
        files: Artifacts for the training's run in MLflow, by name.
    """

    numbers: dict[str, Number]
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Named:
    """A registered version to compare with.

    Attributes:
        version: Its number.
        package: Its model; None where it cannot be loaded.
    """

    version: int
    package: Package | None


@dataclass(frozen=True)
class Comparison:
    """Comparison of two versions and a constant on common holdout rows.

    Attributes:
        spec: Model.
        dataset: Its dataset.
        tables: Tables of the dataset.
        tools: Adapters that measure what the gates judge.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    tables: Tables
    tools: GateTools

    def compare(
        self,
        pins: Snapshot,
        challenger: Package,
        champion: Package | None,
        *,
        version: int | None,
        is_trained_here: bool = True,
        anchor: Named | None = None,
    ) -> Compared:
        """Return the metrics of challenger, champion and constant, for the gates.

        Args:
            pins: Pinned versions of the tables.
            challenger: Trained model.
            champion: Champion's model, or None without one.
            version: Champion's version.
            is_trained_here: Whether the challenger was trained on these pinned versions.
            anchor: Anchor of the gates; None: there is none.
        """
        contenders = {CHALLENGER: challenger} | ({CHAMPION: champion} if champion else {})
        if anchor is not None and anchor.package is not None:
            contenders[ANCHOR] = anchor.package
        both = self._rows(pins, list(contenders.values()))
        rows = both.holdout
        known = challenger.manifest.get("classes")
        classes = known
        if self.spec.task == "multiclass":
            pinned = [contender.manifest.get("classes") for contender in contenders.values()]
            classes = known_to_any(self.spec, pinned)
        labels = rows[self.spec.target]
        actual = to_target(labels, self.spec, classes=classes)
        numbers: dict[str, Number] = {"rows": len(rows), "champion.version": version}
        numbers |= self._counts(labels, actual, known)
        scores = {
            name: contender_scores(contender, rows, classes)
            for name, contender in contenders.items()
        }
        thresholds = {
            name: _threshold(contender.manifest, classes) for name, contender in contenders.items()
        }
        for name in scores.keys() & {CHALLENGER, CHAMPION}:
            numbers |= self._metrics(name, actual, scores[name], thresholds[name])
        blocks = self._blocks(rows)
        if champion is not None:
            numbers |= _agreement(scores[CHALLENGER], scores[CHAMPION])
            numbers |= self._gains(blocks, actual, scores, thresholds)
        import numpy as np

        constant = align_scores(
            np.array([challenger.manifest["constant"]] * len(rows), dtype=np.float64),
            known=known,
            wanted=classes,
        )
        numbers |= self._metrics("constant", actual, constant, thresholds[CHALLENGER])
        compared = Compared(numbers)
        answers = scores[CHALLENGER]
        if answers is None:
            return compared
        if has_classes(self.spec.task):
            decided = at_half(answers, thresholds[CHALLENGER])
            confusion = confusion_of(actual, decided, classes or (0, 1))
            compared.numbers.update(confusion.numbers())
            compared.files[FILE] = confusion.file()
            bins = reliability(actual.to_numpy(), answers)
            compared.numbers.update(reliability_numbers(bins))
            compared.files[RELIABILITY_FILE] = reliability_file(bins)
        contest = Contest(
            spec=self.spec,
            dataset=self.dataset,
            rows=rows,
            actual=actual,
            training=both.training,
            training_actual=to_target(both.training[self.spec.target], self.spec, classes=classes),
            is_trained_here=is_trained_here,
            challenger=challenger,
            champion=champion,
            anchor_version=None if anchor is None else anchor.version,
            scores=scores,
            thresholds=thresholds,
            classes=classes,
            blocks=blocks,
            tools=self.tools,
        )
        for check in CHECKS:
            measured = check.measure(contest)
            compared.numbers.update(measured.numbers)
            compared.files.update(measured.files)
        return compared

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
        return self._rows(pins, contenders).holdout

    def _rows(self, pins: Snapshot, contenders: Sequence[Package]) -> CommonRows:
        manifests = [contender.manifest for contender in contenders]
        return common_rows(self.spec, self.dataset, self.tables, pins, manifests)

    def _metrics(
        self, who: str, actual: pd.Series[Any], scores: Any | None, threshold: float
    ) -> dict[str, Number]:
        names = metrics_of(self.spec.task)
        if scores is None:
            return {f"{who}.{name}": None for name in names}
        actual, scores = with_unseen(actual, scores)
        measured = dict(self.tools.measure(names, actual=actual, scores=scores))
        if threshold != HALF:
            of_classes = [name for name in names if METRICS[name].takes == "classes"]
            decided = at_half(scores, threshold)
            measured |= self.tools.measure(of_classes, actual=actual, scores=decided)
        return {f"{who}.{name}": measured[name] for name in names}

    def _blocks(self, rows: pd.DataFrame) -> HoldoutBlocks | None:
        """Blocks of the holdout, where gates resample them."""
        if not self.spec.gates.needs_blocks or not len(rows):
            return None
        identity = self.dataset.identity
        keys = holdout_keys(rows, identity.key)
        return divide_into_blocks(rows, self.spec, event_time=identity.time.column, keys=keys)

    def _gains(
        self,
        blocks: HoldoutBlocks | None,
        actual: pd.Series[Any],
        scores: Mapping[str, Any],
        thresholds: Mapping[str, float],
    ) -> dict[str, Number]:
        """Gains over the champion, with their error, where the gates ask for them."""
        gates, challenger, other = self.spec.gates, scores[CHALLENGER], scores[CHAMPION]
        if blocks is None or challenger is None or other is None:
            return {}
        numbers: dict[str, Number] = {BLOCKS: blocks.found, BLOCK_UNIT: blocks.unit}
        if blocks.found < gates.min_blocks:
            return numbers
        target, challenger = with_unseen(actual, challenger)
        other = with_unseen(actual, other)[1]
        of_classes = [name for name in gates.resampled if METRICS[name].takes == "classes"]
        decided = (
            at_half(challenger, thresholds[CHALLENGER]),
            at_half(other, thresholds[CHAMPION]),
        )
        of_scores = [name for name in gates.resampled if name not in of_classes]
        for names, both in ((of_scores, (challenger, other)), (of_classes, decided)):
            if not names:
                continue
            gains = self.tools.gains.of_metrics(
                names,
                actual=target,
                challenger=both[0],
                other=both[1],
                resampling=blocks.resampling(gates, seed=self.spec.training.seed),
            )
            for name, gain in gains.items():
                numbers |= gain_numbers(name, gain)
        return numbers


def _threshold(manifest: Mapping[str, Any], classes: Sequence[Label] | None) -> float:
    """Score above which a version predicts class 1, as its aligned scores have it."""
    threshold, known = threshold_of(manifest), manifest.get("classes")
    turned = known is not None and classes is not None and list(known) == list(classes)[::-1]
    return 1.0 - threshold if turned else threshold


def _agreement(
    challenger: np.ndarray[Any, Any] | None, champion: np.ndarray[Any, Any] | None
) -> dict[str, Number]:
    """Agreement of both on the same rows, which the rollout expects of its candidate."""
    agreement = None
    if challenger is not None and champion is not None:
        agreement = measure_agreement(challenger.tolist(), champion.tolist())
    return agreement.numbers() if agreement is not None else dict.fromkeys(EVIDENCE)
