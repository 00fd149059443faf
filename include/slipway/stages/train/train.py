"""Training: pin what may be learnt from, learn one pipeline, keep it with where it came from.

Data travels as the pinned table versions; nothing is copied.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from slipway.errors import RegistryUnavailable, Superseded
from slipway.records.requests import Request
from slipway.records.runs import Attempt, RunRecord, RunRef, need_record, perform
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model import sbom
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.model.manifest import MANIFEST, parse
from slipway.stages.model.provenance import CodeState
from slipway.stages.ports.package import FittedModel, Learner
from slipway.stages.ports.tables import PinnedTable, Tables
from slipway.stages.ports.tracking import Tracking
from slipway.stages.train import engine_choice
from slipway.stages.train.splitting import PART, Parts, as_target, divide

if TYPE_CHECKING:
    import pandas as pd


MAX_REFERENCE_ROWS = 20_000


def train(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    request: Request,
    store: Store,
    tables: Tables,
    learner: Learner,
    tracking: Tracking,
    code: CodeState,
    origin: Mapping[str, Any],
) -> RunRecord:
    """Record of one trained model: where its folder is, and its digest.

    Raises:
        NotComputable: Too few rows, or a target that is not what the task needs.
        RegistryUnavailable: The MLflow server does not answer.
        Superseded: A newer attempt has begun; this one registered nothing.
    """
    ref = RunRef(spec.model, request.run, "train")
    pinned = need_record(store, ref.beside("snapshot"))
    work = _Training(spec, dataset, request, store, tables, learner, tracking, code, origin)
    return perform(
        store,
        ref,
        lambda attempt: work.attempt(attempt, Snapshot.from_numbers(pinned.verdict.numbers)),
        inputs={"request": request.number, "snapshot": pinned.ref.key},
        origin=origin,
    )


@dataclass(frozen=True)
class _Training:
    """All that one training needs, so that its steps need not hand it on one by one."""

    spec: ModelSpec
    dataset: DatasetSpec
    request: Request
    store: Store
    tables: Tables
    learner: Learner
    tracking: Tracking
    code: CodeState
    origin: Mapping[str, Any]

    def attempt(self, attempt: Attempt, pins: Snapshot) -> Verdict:
        """Train inside one tracked run, which ends as the attempt does."""
        attempt.check()
        run_id = self.tracking.begin(
            self.spec.model,
            run_key=self._run_key,
            attempt=attempt.number,
            tags=self._tags(pins, attempt),
            params=_params(self.spec),
            tables=self._pinned_tables(pins),
        )
        try:
            verdict = self._learn(attempt, pins, run_id)
        except Exception as error:
            # What went wrong matters more than that MLflow could not be told;
            # the next attempt closes a run that is left open.
            with suppress(RegistryUnavailable):
                late = isinstance(error, Superseded)
                self.tracking.end(run_id, status="KILLED" if late else "FAILED")
            raise
        self.tracking.end(run_id, status="FINISHED")
        return verdict

    def _learn(self, attempt: Attempt, pins: Snapshot, run_id: str) -> Verdict:
        parts = self._parts(pins)
        target = parts.training[self.spec.target]
        started = time.perf_counter()
        learned = self.learner.learn(parts.training)
        fit_seconds = round(time.perf_counter() - started, 3)
        numbers = _numbers_of(parts) | {"fit_seconds": fit_seconds}
        facts = self._facts(pins) | numbers | {"constant": float(target.mean())}
        with TemporaryDirectory(prefix="slipway-train-") as scratch:
            folder = Path(scratch) / self.spec.model
            manifest_sha256 = learned.save(
                folder,
                facts=facts,
                reference=self._reference(parts, learned),
                beside=sbom.files_of(self.code.bills),
            )
            manifest = parse(
                (folder / MANIFEST).read_bytes(), sha256=manifest_sha256, where=MANIFEST
            )
            numbers |= engine_choice.numbers_of(manifest)
            attempt.check()
            model_uri = self.tracking.log_package(run_id, folder)
        self.tracking.log_metrics(run_id, {"fit_seconds": fit_seconds})
        return Verdict(
            "trained",
            f"{self.spec.estimator.name} learnt from {numbers['training_rows']:,} rows up to "
            f"{numbers['training_end']} in {fit_seconds:.1f} s; "
            f"{numbers['holdout_rows']:,} newer rows are held out. "
            f"Engine {numbers['engine']}: {numbers['engine_reason']}.",
            numbers,
            {
                "model_uri": model_uri,
                "manifest_sha256": manifest_sha256,
                "mlflow_run": run_id,
                "mlflow": self.tracking.address(run_id),
                **sbom.evidence_of(self.code.bills),
            },
        )

    def _parts(self, pins: Snapshot) -> Parts:
        rows = read_labelled(
            self.tables,
            self.dataset,
            pins,
            columns=self.spec.features.names,
            target=self.spec.target,
        )
        rows = rows.assign(**{self.spec.target: as_target(rows[self.spec.target], self.spec.task)})
        return divide(
            rows,
            event_time=self.dataset.event_time,
            training=self.spec.training,
            holdout_start=self.learner.holdout_start(rows),
        )

    def _reference(self, parts: Parts, learned: FittedModel) -> pd.DataFrame:
        """A sample of all rows, in time order, so that every stretch of time keeps its share."""
        count = min(len(parts.rows), MAX_REFERENCE_ROWS)
        sample = parts.rows.sample(count, random_state=self.spec.training.seed).sort_index()
        columns = [*self.spec.features.names, self.dataset.event_time, PART]
        return sample[columns].assign(score=learned.predict(sample))

    @property
    def _run_key(self) -> str:
        return f"{self.spec.model}/{self.request.run}"

    def _tags(self, pins: Snapshot, attempt: Attempt) -> dict[str, str]:
        origin = {f"slipway.{name}": str(value) for name, value in self.origin.items()}
        return origin | {
            "slipway.run_key": self._run_key,
            "slipway.attempt": str(attempt.number),
            "slipway.request": str(self.request.number),
            "slipway.reason": self.request.reason,
            "slipway.features_version": str(pins.features_version),
            "slipway.labels_version": str(pins.labels_version),
            "slipway.as_of": pins.as_of.isoformat(),
            "slipway.git_commit": self.code.git_commit,
            "slipway.lock_sha256": self.code.lock_sha256,
            "slipway.seed": str(self.spec.training.seed),
            **sbom.tags_of(sbom.evidence_of(self.code.bills)),
        }

    def _facts(self, pins: Snapshot) -> dict[str, Any]:
        return {
            "format": 1,
            "model": self.spec.model,
            "dataset": self.dataset.dataset,
            "task": self.spec.task,
            "target": self.spec.target,
            "key": self.dataset.key,
            "event_time": self.dataset.event_time,
            "run_key": self._run_key,
            "request": self.request.number,
            "reason": self.request.reason,
            "features_version": pins.features_version,
            "labels_version": pins.labels_version,
            "as_of": pins.as_of.isoformat(),
            "estimator": self.spec.estimator.model_dump(),
            "seed": self.spec.training.seed,
            "git_commit": self.code.git_commit,
            "lock_sha256": self.code.lock_sha256,
        }

    def _pinned_tables(self, pins: Snapshot) -> list[PinnedTable]:
        versions = {"features": pins.features_version, "labels": pins.labels_version}
        return [
            PinnedTable(
                f"{self.dataset.dataset}/{stream}",
                self.store.uri(f"tables/{self.dataset.dataset}/{stream}"),
                version,
            )
            for stream, version in versions.items()
        ]


def _numbers_of(parts: Parts) -> dict[str, Any]:
    training_start, training_end = parts.span("training")
    holdout_start, holdout_end = parts.span("holdout")
    return {
        "training_rows": len(parts.training),
        "training_start": training_start,
        "training_end": training_end,
        "holdout_rows": len(parts.holdout),
        "holdout_start": holdout_start,
        "holdout_end": holdout_end,
    }


def _params(spec: ModelSpec) -> dict[str, str]:
    """What MLflow calls a run's parameters."""
    return {
        "estimator": spec.estimator.name,
        "holdout_days": str(spec.training.holdout_days),
        "window_days": str(spec.training.window_days or "expanding"),
        "seed": str(spec.training.seed),
        "features": ", ".join(spec.features.names),
    } | {f"estimator.{name}": str(value) for name, value in spec.estimator.params.items()}
