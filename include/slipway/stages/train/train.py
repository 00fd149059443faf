"""Train a challenger from pinned table versions, and log it with its provenance.

Rows are read from the pinned versions; nothing is copied.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from slipway.errors import RegistryUnavailable, Superseded
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.requests import Request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, need_record
from slipway.records.scratch_folder import scratch_folder
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.holdout import RANDOM_WARNING
from slipway.spec.labels import Label
from slipway.spec.metrics import METRICS, has_classes
from slipway.stages.model import sbom, version_tags
from slipway.stages.model.class_scores import class_shares
from slipway.stages.model.label_classes import pinned_classes, require_both_classes, to_target
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.model.manifest import MANIFEST, parse
from slipway.stages.model.provenance import CodeState
from slipway.stages.ports.package import Learner
from slipway.stages.ports.tables import PinnedTable, Tables
from slipway.stages.ports.tracking import Tracking
from slipway.stages.train import engine_choice
from slipway.stages.train.drift_reference import sample_reference
from slipway.stages.train.narrow_types import narrowed
from slipway.stages.train.random_holdout import RANDOM_HOLDOUT, RandomHoldout, holdout_keys
from slipway.stages.train.run_facts import numbers_of, params_of
from slipway.stages.train.splitting import Split, split_at_random, split_by_time
from slipway.stages.train.wide_columns import format_wide

if TYPE_CHECKING:
    import pandas as pd


def train(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    request: Request,
    context: RunContext,
    tables: Tables,
    learner: Learner,
    tracking: Tracking,
    code: CodeState,
) -> RunRecord:
    """Train a model and record where its folder is, with its digest.

    Raises:
        NotComputable: There are too few rows, or the target does not fit the task.
        RegistryUnavailable: The MLflow server does not answer.
        Superseded: A newer attempt has begun; this one logged no model.
    """
    ref = RunRef(spec.model, request.run, "train")
    pinned = need_record(context.store, ref.beside("snapshot"))
    work = _Training(spec, dataset, request, context, tables, learner, tracking, code)
    return perform(
        context,
        ref,
        lambda attempt: work.attempt(attempt, Snapshot.from_numbers(pinned.verdict.numbers)),
        inputs={"request": request.number, "snapshot": pinned.ref.key},
    )


@dataclass(frozen=True)
class _Training:
    """One training, with all that its steps need."""

    spec: ModelSpec
    dataset: DatasetSpec
    request: Request
    context: RunContext
    tables: Tables
    learner: Learner
    tracking: Tracking
    code: CodeState

    def attempt(self, attempt: Attempt, pins: Snapshot) -> Verdict:
        """Train inside one tracked run, which ends with the attempt's status."""
        attempt.check()
        run_id = self.tracking.begin(
            self.spec.model,
            run_key=self._run_key,
            attempt=attempt.number,
            tags=self._tags(pins, attempt),
            params=params_of(self.spec),
            tables=self._pinned_tables(pins),
        )
        try:
            verdict = self._learn(attempt, pins, run_id)
        except Exception as error:
            # This error must not be replaced by one of MLflow;
            # the next attempt closes a run that is left open.
            with suppress(RegistryUnavailable):
                superseded = isinstance(error, Superseded)
                self.tracking.end(run_id, status="KILLED" if superseded else "FAILED")
            raise
        self.tracking.end(run_id, status="FINISHED")
        return verdict

    def _learn(self, attempt: Attempt, pins: Snapshot, run_id: str) -> Verdict:
        parts, classes = self._parts(pins)
        target, multiclass = parts.training[self.spec.target], self.spec.task == "multiclass"
        started = time.perf_counter()
        learned = self.learner.learn(parts.training, classes=classes)
        fit_seconds = round(time.perf_counter() - started, 3)
        numbers = numbers_of(parts) | {"fit_seconds": fit_seconds}
        constant = class_shares(target, classes) if multiclass else float(target.mean())
        facts = self._facts(pins) | numbers | {"constant": constant}
        with scratch_folder("slipway-train-", needs="the trained version's folder") as scratch:
            folder = scratch / self.spec.model
            manifest_sha256 = learned.save(
                folder,
                facts=facts,
                reference=sample_reference(parts, learned, spec=self.spec, dataset=self.dataset),
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
            f"{numbers['training_end']} in {fit_seconds:.1f} s; {self._held_out(numbers)} "
            f"Engine {numbers['engine']}: {numbers['engine_reason']}."
            f"{format_wide(manifest.get('wide_columns') or {})}",
            numbers,
            {
                "model_uri": model_uri,
                "manifest_sha256": manifest_sha256,
                "mlflow_run": run_id,
                "mlflow": self.tracking.address(run_id),
                **sbom.evidence_of(self.code.bills),
            },
        )

    def _held_out(self, numbers: dict[str, Any]) -> str:
        count = f"{numbers['holdout_rows']:,}"
        if self.random is None:
            return f"{count} newer rows are held out."
        return f"{count} rows, drawn at random, are held out. Warning: {RANDOM_WARNING}."

    @property
    def random(self) -> RandomHoldout | None:
        """Random holdout that the spec asks for; None: by time."""
        training = self.spec.training
        return RandomHoldout.of(training) if training.split == "random" else None

    def _parts(self, pins: Snapshot) -> tuple[Split, tuple[Label, ...] | None]:
        """Split labelled rows, and the classes of their labels; None for a regression."""
        rows = read_labelled(
            self.tables,
            self.dataset,
            pins,
            columns=self.spec.features.names,
            target=self.spec.target,
        )
        name, delivered = self.spec.target, rows[self.spec.target]
        classes = pinned_classes(delivered, self.spec)
        rows[name] = to_target(delivered, self.spec, classes=classes)
        parts = self._split(rows)
        if has_classes(self.spec.task):
            self._require_both_classes(parts, delivered)
        if self.spec.task == "multiclass" and self.spec.classes is None:
            classes = pinned_classes(delivered.loc[parts.training.index], self.spec)
            recoded = parts.rows.copy(deep=False)
            recoded[name] = to_target(delivered.loc[recoded.index], self.spec, classes=classes)
            parts = replace(parts, rows=recoded)
        return parts, classes

    def _split(self, rows: pd.DataFrame) -> Split:
        identity = self.dataset.identity
        key, event_time = identity.key.column, identity.time.column
        if self.random is not None:
            held_out = self.random.holds(holdout_keys(rows, identity.key))
            rows = narrowed(rows.drop(columns=key))
            return split_at_random(
                rows, held_out, event_time=event_time, training=self.spec.training
            )
        start = self.learner.holdout_start(rows)
        # After the model's own split, whose arithmetic could overflow in narrow types.
        rows = narrowed(rows.drop(columns=key))
        return split_by_time(
            rows, event_time=event_time, training=self.spec.training, holdout_start=start
        )

    def _require_both_classes(self, parts: Split, delivered: pd.Series[Any]) -> None:
        wait = "wait for labels of the other class"
        longer = ", or lengthen `training.window_days` in model.yaml"
        require_both_classes(
            delivered.loc[parts.training.index],
            self.spec,
            what="training rows",
            hint=f"{wait}{longer if self.spec.training.window_days else ''}",
        )
        needing = [one for one in self.spec.gates.metrics if METRICS[one].needs_both_classes]
        more = (
            "raise `training.holdout_share`" if self.random else "lengthen `training.holdout_days`"
        )
        if needing:
            require_both_classes(
                delivered.loc[parts.holdout.index],
                self.spec,
                what="holdout rows",
                hint=f"{wait}, {more} in model.yaml, or gate by a metric "
                f"that one class suffices for instead of {', '.join(needing)}",
            )

    @property
    def _run_key(self) -> str:
        return f"{self.spec.model}/{self.request.run}"

    def _tags(self, pins: Snapshot, attempt: Attempt) -> dict[str, str]:
        origin = {
            f"{version_tags.TAG_PREFIX}{name}": str(value)
            for name, value in self.context.origin.items()
        }
        return origin | {
            version_tags.RUN_KEY: self._run_key,
            version_tags.ATTEMPT: str(attempt.number),
            version_tags.REQUEST: str(self.request.number),
            version_tags.REASON: self.request.reason,
            "slipway.features_version": str(pins.features_version),
            "slipway.labels_version": str(pins.labels_version),
            "slipway.as_of": pins.as_of.isoformat(),
            "slipway.git_commit": self.code.git_commit,
            "slipway.lock_sha256": self.code.lock_sha256,
            "slipway.seed": str(self.spec.training.seed),
            **({"slipway.holdout": f"random: {RANDOM_WARNING}"} if self.random else {}),
            **sbom.tags_of(sbom.evidence_of(self.code.bills)),
        }

    def _facts(self, pins: Snapshot) -> dict[str, Any]:
        return {
            "format": 1,
            "model": self.spec.model,
            "dataset": self.dataset.dataset,
            "task": self.spec.task,
            "target": self.spec.target,
            **self.dataset.identity.facts(),
            "run_key": self._run_key,
            "request": self.request.number,
            "reason": self.request.reason,
            "features_version": pins.features_version,
            "labels_version": pins.labels_version,
            "as_of": pins.as_of.isoformat(),
            "estimator": self.spec.estimator.model_dump(),
            "seed": self.spec.training.seed,
            **({RANDOM_HOLDOUT: self.random.to_json()} if self.random else {}),
            "git_commit": self.code.git_commit,
            "lock_sha256": self.code.lock_sha256,
        }

    def _pinned_tables(self, pins: Snapshot) -> list[PinnedTable]:
        versions = {"features": pins.features_version, "labels": pins.labels_version}
        return [
            PinnedTable(
                f"{self.dataset.dataset}/{stream}",
                self.context.store.uri(f"tables/{self.dataset.dataset}/{stream}"),
                version,
            )
            for stream, version in versions.items()
            if stream in self.dataset.streams.delivered
        ]
