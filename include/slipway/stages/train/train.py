"""Train a challenger from pinned table versions, and log it with its provenance.

Rows are read from the pinned versions; nothing is copied.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from slipway.errors import RegistryUnavailable, Superseded
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.requests import Request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, need_record
from slipway.records.run_specs import keep_run_specs
from slipway.records.scratch_folder import scratch_folder
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.holdout import RANDOM_IN_SHORT, RANDOM_WARNING
from slipway.stages.model import sbom, version_tags
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.model.provenance import CodeState
from slipway.stages.ports.package import Learner
from slipway.stages.ports.tables import PinnedTable, Tables
from slipway.stages.ports.tracking import Tracking
from slipway.stages.search.found import SEARCH
from slipway.stages.search.search import EstimatorSearch, SearchTools
from slipway.stages.train.dry_run import DRY_RUN, is_dry_run
from slipway.stages.train.recipe import Recipe
from slipway.stages.train.run_facts import found_params, logged_trial, params_of
from slipway.stages.train.search_share import share_left
from slipway.stages.train.trained_words import corrected_scores, learnt_rows
from slipway.stages.train.wide_columns import format_wide
from slipway.values.told_times import in_utc


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
    tools: SearchTools,
) -> RunRecord:
    """Train a model and record where its folder is, with its digest.

    A search in the spec goes on after the trials that earlier attempts and its workers have
    finished; the shares of workers that have begun are theirs.

    Raises:
        NotComputable: There are too few rows, or the target does not fit the task.
        RegistryUnavailable: The MLflow server does not answer.
        Superseded: A newer attempt has begun; this one logged no model.
    """
    ref = RunRef(spec.model, request.run, "train")
    pinned = need_record(context.store, ref.beside("snapshot"))
    recipe = Recipe(spec, dataset, request, tables, learner, code, tools.tell)
    work = _Training(recipe, context, tracking, tools)
    return perform(
        context,
        ref,
        lambda attempt: work.attempt(attempt, Snapshot.from_numbers(pinned.verdict.numbers)),
        inputs={"request": request.number, "snapshot": pinned.ref.key},
    )


@dataclass(frozen=True)
class _Training:
    """One training, with all that its steps need."""

    recipe: Recipe
    context: RunContext
    tracking: Tracking
    tools: SearchTools

    @property
    def spec(self) -> ModelSpec:
        return self.recipe.spec

    @property
    def is_dry_run(self) -> bool:
        return is_dry_run(self.spec, self.recipe.request)

    def attempt(self, attempt: Attempt, pins: Snapshot) -> Verdict:
        """Train inside one tracked run, which ends with the attempt's status."""
        attempt.check()
        run_id = self.tracking.begin(
            self.spec.model,
            run_key=self.recipe.run_key,
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
        with scratch_folder("slipway-train-", needs="the trained version's folder") as scratch:
            folder = scratch / self.spec.model
            built = self.recipe.build(pins, folder, find=self._search(attempt, pins, run_id).find)
            attempt.check()
            kept = keep_run_specs(attempt, self.spec, self.recipe.dataset)
            model_uri = self.tracking.log_package(run_id, folder)
        numbers = built.numbers
        fit_seconds = numbers["fit_seconds"]
        self.tracking.log_metrics(run_id, {"fit_seconds": fit_seconds})
        estimator, search = built.manifest["estimator"], built.manifest.get(SEARCH)
        if search is not None:
            self.tracking.log_params(run_id, found_params(estimator))
        told = corrected_scores(numbers, self.spec.training.calibration)
        return Verdict(
            "trained",
            f"{estimator['name']} learnt from {learnt_rows(numbers)} up to "
            f"{in_utc(numbers['training_end'])} in {fit_seconds:.1f} s; {self._held_out(numbers)} "
            f"Engine {numbers['engine']}: {numbers['engine_reason']}."
            f"{format_wide(built.manifest.get('wide_columns') or {})}"
            f"{'' if search is None else ' ' + search['reason'] + '.'}"
            f"{''.join(f' {one}' for one in told)}",
            numbers,
            {
                "model_uri": model_uri,
                "manifest_sha256": built.manifest_sha256,
                "mlflow_run": run_id,
                "mlflow": self.tracking.address(run_id),
                "git_commit": self.recipe.code.git_commit,
                "lock_sha256": self.recipe.code.lock_sha256,
                **kept,
                **sbom.evidence_of(self.recipe.code.bills),
            },
        )

    def _search(self, attempt: Attempt, pins: Snapshot, run_id: str) -> EstimatorSearch:
        """Return the search of an attempt, whose trials become runs below its own."""
        return EstimatorSearch(
            self.spec,
            self.recipe.dataset,
            self.recipe.learner,
            pins,
            attempt,
            self.tools,
            lambda trial: self.tracking.log_trial(run_id, logged_trial(trial, self.spec)),
            share_left(self.spec, attempt),
        )

    def _held_out(self, numbers: dict[str, Any]) -> str:
        count = f"{numbers['holdout_rows']:,}"
        if self.recipe.random is None:
            return f"{count} newer rows are held out."
        return f"{count} rows, drawn at random, are held out, {RANDOM_IN_SHORT}."

    def _tags(self, pins: Snapshot, attempt: Attempt) -> dict[str, str]:
        origin = {
            f"{version_tags.TAG_PREFIX}{name}": str(value)
            for name, value in self.context.origin.items()
        }
        return origin | {
            version_tags.RUN_KEY: self.recipe.run_key,
            version_tags.ATTEMPT: str(attempt.number),
            version_tags.REQUEST: str(self.recipe.request.number),
            version_tags.REASON: self.recipe.request.reason,
            "slipway.features_version": str(pins.features_version),
            "slipway.labels_version": str(pins.labels_version),
            "slipway.as_of": pins.as_of.isoformat(),
            "slipway.git_commit": self.recipe.code.git_commit,
            "slipway.lock_sha256": self.recipe.code.lock_sha256,
            "slipway.seed": str(self.spec.training.seed),
            **({f"{version_tags.TAG_PREFIX}{DRY_RUN}": "yes"} if self.is_dry_run else {}),
            **({"slipway.holdout": f"random: {RANDOM_WARNING}"} if self.recipe.random else {}),
            **sbom.tags_of(sbom.evidence_of(self.recipe.code.bills)),
        }

    def _pinned_tables(self, pins: Snapshot) -> list[PinnedTable]:
        versions = {"features": pins.features_version, "labels": pins.labels_version}
        return [
            PinnedTable(
                f"{self.recipe.dataset.dataset}/{stream}",
                self.context.store.uri(f"tables/{self.recipe.dataset.dataset}/{stream}"),
                version,
            )
            for stream, version in versions.items()
            if stream in self.recipe.dataset.streams.delivered
        ]
