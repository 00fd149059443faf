"""Evaluate challenger, champion and a constant model on the same rows, unseen by all three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import BadRequest
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.requests import Request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, need_record
from slipway.records.scratch_folder import scratch_folder
from slipway.records.verdicts import Number, Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.labels import Label
from slipway.spec.metrics import has_classes, metrics_of
from slipway.stages.model.agreement import EVIDENCE, measure_agreement
from slipway.stages.model.aliases import CHAMPION
from slipway.stages.model.class_scores import align_scores, known_to_any, with_unseen
from slipway.stages.model.label_classes import to_target
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.model.registry_losses import find_lost_champion
from slipway.stages.ports.metrics import Measure
from slipway.stages.ports.package import LoadPackage, Package
from slipway.stages.ports.registry import Registry
from slipway.stages.ports.tables import Tables
from slipway.stages.ports.tracking import Tracking
from slipway.stages.train.confusion import FILE, Confusion, confusion_of
from slipway.stages.train.gates import CLASSES, LOST, POSITIVE_ROWS, UNSEEN_ROWS, WAIVED
from slipway.stages.train.random_holdout import holdout_keys, unseen_by

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.records.store import Store


def evaluate(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    request: Request,
    context: RunContext,
    tables: Tables,
    registry: Registry,
    tracking: Tracking,
    load: LoadPackage,
    measure: Measure,
) -> RunRecord:
    """Record the metrics of challenger, champion and constant on the same holdout rows.

    A metric that cannot be computed is None, which a gate refuses. A champion that the registry
    lost is reported to the gate, which refuses unless the request leaves it out.

    Raises:
        RegistryUnavailable: The MLflow server does not answer.
        Tampered: A model's files differ from their digests.
    """
    ref = RunRef(spec.model, request.run, "evaluate")
    pinned = need_record(context.store, ref.beside("snapshot"))
    trained = need_record(context.store, ref.beside("train"))
    contest = Comparison(spec, dataset, tables, measure)
    work = _Evaluation(contest, request, context.store, registry, tracking, load)
    return perform(
        context,
        ref,
        lambda attempt: work.attempt(
            attempt, Snapshot.from_numbers(pinned.verdict.numbers), trained.verdict
        ),
        inputs={"request": request.number, "train": trained.ref.key},
    )


@dataclass(frozen=True)
class Compared:
    """Result of a comparison.

    Attributes:
        numbers: Metrics of challenger, champion and constant, for the gates.
        confusion: Confusion matrix of the challenger; None of a regression.
    """

    numbers: dict[str, Number]
    confusion: Confusion | None


@dataclass(frozen=True)
class Comparison:
    """Comparison of two versions and a constant on common holdout rows.

    Attributes:
        spec: Model.
        dataset: Its dataset.
        tables: Tables of the dataset.
        measure: Computes the metrics.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    tables: Tables
    measure: Measure

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
        if champion is not None:
            numbers |= _agreement(scores["challenger"], scores["champion"])
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
        return Compared(numbers, confusion)

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
        manifests = [contender.manifest for contender in contenders]
        declared = self.dataset.streams.features.columns
        inputs = [column["name"] for manifest in manifests for column in manifest["features"]]
        rows = read_labelled(
            self.tables,
            self.dataset,
            pins,
            columns=[name for name in dict.fromkeys(inputs) if name in declared],
            target=self.spec.target,
        )
        identity = self.dataset.identity
        times = rows[identity.time.column]
        unseen = times >= datetime.fromisoformat(manifests[0]["holdout_start"])
        for manifest in manifests:
            unseen &= unseen_by(manifest, times, holdout_keys(rows, identity.key))
        return rows[unseen]

    def _metrics(self, who: str, actual: pd.Series[Any], scores: Any | None) -> dict[str, Number]:
        names = metrics_of(self.spec.task)
        if scores is None:
            return {f"{who}.{name}": None for name in names}
        actual, scores = with_unseen(actual, scores)
        measured = self.measure(names, actual=actual, scores=scores)
        return {f"{who}.{name}": measured[name] for name in names}


@dataclass(frozen=True)
class _Evaluation:
    contest: Comparison
    request: Request
    store: Store
    registry: Registry
    tracking: Tracking
    load: LoadPackage

    @property
    def spec(self) -> ModelSpec:
        return self.contest.spec

    def attempt(self, attempt: Attempt, pins: Snapshot, trained: Verdict) -> Verdict:
        """Score all contenders on the same rows and log the metrics."""
        with scratch_folder(
            "slipway-evaluate-", needs="the folders of challenger and champion"
        ) as scratch:
            challenger = self._challenger(trained, scratch)
            champion, version = self._champion(scratch)
            compared = self.contest.compare(pins, challenger, champion, version=version)
        numbers = compared.numbers | (self._lost_champion() if version is None else {})
        attempt.check()
        run_id = trained.evidence["mlflow_run"]
        self.tracking.log_metrics(run_id, _finite_numbers(numbers))
        if compared.confusion is not None:
            self.tracking.log_file(run_id, FILE, compared.confusion.file())
        return Verdict("evaluated", self._reason(numbers), numbers, dict(trained.evidence))

    def _challenger(self, trained: Verdict, scratch: Path) -> Package:
        evidence = trained.evidence
        folder = self.tracking.download(
            evidence["model_uri"], scratch / "challenger", sha256=evidence["manifest_sha256"]
        )
        return self.load(folder)

    def _champion(self, scratch: Path) -> tuple[Package | None, int | None]:
        champion = self.registry.alias(self.spec.model, CHAMPION)
        if champion is None:
            return None, None
        folder = self.registry.download(self.spec.model, champion.version, scratch / "champion")
        return self.load(folder), champion.version

    def _lost_champion(self) -> dict[str, Number]:
        loss = find_lost_champion(self.spec.model, store=self.store, registry=self.registry)
        if loss is None:
            return {}
        return {WAIVED if self.request.without_champion else LOST: loss.version}

    def _reason(self, numbers: Mapping[str, Number]) -> str:
        metric = next(iter(self.spec.gates.metrics))
        who = ("challenger", "champion", "constant")
        shown = [
            f"{name} {_format_metric(numbers[f'{name}.{metric}'])}"
            for name in who
            if f"{name}.{metric}" in numbers
        ]
        reason = f"By {metric}, on the same {numbers['rows']:,} unseen rows: {', '.join(shown)}."
        if unseen := numbers.get(UNSEEN_ROWS):
            reason += f" {unseen:,} have a class that the challenger was not trained for."
        lost = numbers.get(LOST, numbers.get(WAIVED))
        return reason if lost is None else f"{reason} The champion, version {lost}, is lost."


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


def _finite_numbers(numbers: Mapping[str, Number]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items() if isinstance(value, int | float)}


def _format_metric(value: Number) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "not computable"
