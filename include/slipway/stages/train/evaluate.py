"""Evaluate challenger, champion and a constant model on the same rows, unseen by all three."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.records import ledger
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.requests import Request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, need_record
from slipway.records.scratch_folder import scratch_folder
from slipway.records.verdicts import Number, Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.gates.gate_numbers import (
    LOST,
    UNSEEN_ROWS,
    WAIVED,
)
from slipway.stages.model.aliases import ANCHOR, CHAMPION
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.model.registry_losses import find_lost_champion
from slipway.stages.ports.gate_tools import GateTools
from slipway.stages.ports.package import LoadPackage, Package
from slipway.stages.ports.registry import Registry
from slipway.stages.ports.tables import Tables
from slipway.stages.ports.tracking import Tracking
from slipway.stages.train.anchor import load_anchor
from slipway.stages.train.comparison import Comparison, Named
from slipway.stages.train.holdout_reuse import count_reuse
from slipway.stages.train.past_gains import priors
from slipway.values.figures import in_figures

if TYPE_CHECKING:
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
    tools: GateTools,
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
    contest = Comparison(spec, dataset, tables, tools)
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
            compared = self.contest.compare(
                pins, challenger, champion, version=version, anchor=self._anchor(scratch)
            )
        numbers = compared.numbers | (self._lost_champion() if version is None else {})
        entries = ledger.read(self.store, self.spec.model)
        numbers |= count_reuse(entries, run=attempt.ref.run)
        numbers |= priors(self.spec.gates, entries, run=attempt.ref.run)
        attempt.check()
        run_id = trained.evidence["mlflow_run"]
        self.tracking.log_metrics(run_id, _finite_numbers(numbers))
        for name, data in compared.files.items():
            self.tracking.log_file(run_id, name, data)
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

    def _anchor(self, scratch: Path) -> Named | None:
        return load_anchor(
            self.spec,
            store=self.store,
            registry=self.registry,
            load=self.load,
            folder=scratch / ANCHOR,
        )

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


def _finite_numbers(numbers: Mapping[str, Number]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items() if isinstance(value, int | float)}


def _format_metric(value: Number) -> str:
    return in_figures(value) if isinstance(value, float) else "not computable"
