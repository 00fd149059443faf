"""Fit the judged model again to all labelled rows, the holdout's too, once its gates hold.

The refit is built by the recipe of the judged model, from the same snapshot and specs, and with
the parameters that its search found. No row is left to measure it on, so it is compared with the
judged model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.kept_specs import KeptSpecs
from slipway.records.requests import Request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, find_record, need_record
from slipway.records.run_specs import SPECS, SPECS_SHA256, read_run_specs
from slipway.records.scratch_folder import scratch_folder
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.gates.contender_scores import contender_scores
from slipway.stages.model import held_out_features, held_out_rows, sbom
from slipway.stages.model.agreement import measure_agreement
from slipway.stages.model.class_scores import align_scores, known_to_any, with_unseen
from slipway.stages.model.decision import judged as as_metric_judges
from slipway.stages.model.decision import threshold_of
from slipway.stages.model.label_classes import to_target
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.model.manifest import PIPELINE_PY
from slipway.stages.model.provenance import CodeState
from slipway.stages.model.rank_correlation import rank_correlation
from slipway.stages.model.shipped import REFIT, REFITTED, TRAIN, judged_facts
from slipway.stages.ports.metrics import Measure
from slipway.stages.ports.package import LoadPackage, MakeLearner, Package
from slipway.stages.ports.tables import Tables
from slipway.stages.ports.tracking import Tracking
from slipway.stages.search.found import Found
from slipway.stages.train.common_holdout import common_rows
from slipway.stages.train.dry_run import DRY_RUN
from slipway.stages.train.recipe import Built, Recipe
from slipway.stages.train.refit_check import RefitCheck
from slipway.values.told_times import in_utc

if TYPE_CHECKING:
    import pandas as pd

NOTHING = "nothing"


@dataclass(frozen=True)
class RefitTools:
    """What a refit needs beside its records.

    Attributes:
        tables: Tables of the dataset.
        make_learner: Makes the learner.
        tracking: Run of the training, which gets the refit's folder.
        load: Loads a version's folder.
        measure: Computes the metric.
        code: State of the code that runs.
        tell: Called with each step as it begins, and with how long a fit has taken.
    """

    tables: Tables
    make_learner: MakeLearner
    tracking: Tracking
    load: LoadPackage
    measure: Measure
    code: CodeState
    tell: Callable[[str], None]


def refit(
    spec: ModelSpec, *, request: Request, context: RunContext, tools: RefitTools
) -> RunRecord:
    """Record a refit on all labelled rows: `refitted`, `refused`, or `nothing` to be done.

    Only `refitted` has a folder, in the MLflow run of the training.

    Raises:
        NotFound: The gate has not decided.
        NotComputable: The specs of the training were not kept, or there are too few rows.
        RegistryUnavailable: The MLflow server does not answer.
        Superseded: A newer attempt has begun; this one logged no model.
        Tampered: A file of the judged model differs from its digest.
    """
    ref = RunRef(spec.model, request.run, REFIT)
    store = context.store
    gated = need_record(store, ref.beside("gate"))
    trained = need_record(store, ref.beside(TRAIN)).verdict
    pinned = need_record(store, ref.beside("snapshot")).verdict

    def act(attempt: Attempt) -> Verdict:
        reason = _needless(gated.verdict)
        if reason is None and find_record(store, ref.beside("promote_challenger")) is not None:
            reason = "The judged model was promoted already."
        if reason is not None:
            return Verdict(NOTHING, f"{reason} Nothing is fitted again.")
        specs = read_run_specs(store, trained.evidence, what=f"{spec.model} in {request.run}")
        pins = Snapshot.from_numbers(pinned.numbers)
        return _Refit(specs, request, pins, trained.evidence, tools).attempt(attempt)

    return perform(context, ref, act, inputs={"request": request.number, "gate": gated.ref.key})


def _needless(gated: Verdict) -> str | None:
    """Why nothing is fitted again; None where the gates hold."""
    if gated.action == DRY_RUN:
        return "Dry run: no version is made of the judged model."
    return None if gated.action == "promote" else "The gates do not hold."


@dataclass(frozen=True)
class _Refit:
    specs: KeptSpecs
    request: Request
    pins: Snapshot
    trained: Mapping[str, str]
    tools: RefitTools

    def attempt(self, attempt: Attempt) -> Verdict:
        """Build the refit, compare it with the judged model, and log it if it is like it."""
        model, tracking = self.specs.model, self.tools.tracking
        with scratch_folder("slipway-refit-", needs="two versions' folders") as scratch:
            folder = tracking.download(
                self.trained["model_uri"],
                scratch / "judged",
                sha256=self.trained["manifest_sha256"],
            )
            judged = self.tools.load(folder)
            target = scratch / f"{model.model}-{REFIT}"
            built = self._build(judged, folder, target)
            check = self._check(judged, self.tools.load(target))
            numbers = built.numbers | check.numbers()
            told = _told(built, check, learnt_until=str(judged.manifest["training_end"]))
            if objections := check.objections():
                reason = f"The refit is not like the judged model: {'; '.join(objections)}. {told}"
                hint = "hint: `training: {ship: judged}` in model.yaml promotes what was judged."
                return Verdict("refused", f"{reason} {hint}", numbers)
            attempt.check()
            model_uri = tracking.log_package(self.trained["mlflow_run"], target)
        measured = check.numbers().items()
        tracking.log_metrics(
            self.trained["mlflow_run"],
            {name: float(value) for name, value in measured if isinstance(value, int | float)},
        )
        kept = (SPECS, SPECS_SHA256, "mlflow_run", "mlflow")
        return Verdict(
            REFITTED,
            told,
            numbers,
            {
                "model_uri": model_uri,
                "manifest_sha256": built.manifest_sha256,
                "judged_sha256": self.trained["manifest_sha256"],
                "git_commit": self.tools.code.git_commit,
                "lock_sha256": self.tools.code.lock_sha256,
                **{name: self.trained[name] for name in kept},
                **sbom.evidence_of(self.tools.code.bills),
            },
        )

    def _build(self, judged: Package, folder: Path, target: Path) -> Built:
        own = folder / PIPELINE_PY
        model, dataset = self.specs.model, self.specs.dataset
        learner = self.tools.make_learner(
            model, dataset, own.read_text() if own.is_file() else None
        )
        recipe = Recipe(
            *(model, dataset, self.request, self.tools.tables, learner),
            *(self.tools.code, self.tools.tell),
            judged=judged_facts(judged.manifest, sha256=self.trained["manifest_sha256"]),
            kept={**held_out_rows.kept_file(folder), **held_out_features.kept_file(folder)},
        )
        return recipe.build(self.pins, target, find=lambda _: Found.of_version(judged.manifest))

    def _check(self, judged: Package, refit: Package) -> RefitCheck:
        """Measure both on the holdout of the judged model."""
        model = self.specs.model
        rows = common_rows(
            model, self.specs.dataset, self.tools.tables, self.pins, [judged.manifest]
        ).holdout
        classes = judged.manifest.get("classes")
        if model.task == "multiclass":
            classes = known_to_any(model, [one.manifest.get("classes") for one in (judged, refit)])
        actual = to_target(rows[model.target], model, classes=classes)
        metric = next(iter(model.gates.metrics))
        scores = [contender_scores(one, rows, classes) for one in (judged, refit)]
        before, after = scores
        agreement = ranks = None
        if before is not None and after is not None:
            agreement = measure_agreement(after.tolist(), before.tolist())
            ranks = rank_correlation(after, before)
        return RefitCheck(
            rows=len(rows),
            metric=metric,
            judged=self._metric(metric, actual, before, judged),
            refit=self._metric(metric, actual, after, refit),
            constant=self._metric(metric, actual, _constant(judged, len(rows), classes), judged),
            agreement=agreement,
            rank_correlation=ranks,
        )

    def _metric(
        self, name: str, actual: pd.Series[Any], scores: Any | None, by: Package
    ) -> float | None:
        """Metric of scores, with the threshold that a version chose."""
        if scores is None:
            return None
        actual, scores = with_unseen(actual, scores)
        decided = as_metric_judges(scores, metric=name, threshold=threshold_of(by.manifest))
        return self.tools.measure([name], actual=actual, scores=decided)[name]


def _constant(judged: Package, rows: int, classes: Any) -> Any:
    """Scores of the constant model of the judged model's training rows."""
    import numpy as np

    return align_scores(
        np.array([judged.manifest["constant"]] * rows, dtype=np.float64),
        known=judged.manifest.get("classes"),
        wanted=classes,
    )


def _told(built: Built, check: RefitCheck, *, learnt_until: str) -> str:
    numbers = built.numbers
    return (
        f"{built.manifest['estimator']['name']} learnt from {numbers['training_rows']:,} labelled "
        f"rows up to {in_utc(numbers['training_end'])} in {numbers['fit_seconds']:.1f} s, the "
        f"judged model until {in_utc(learnt_until)}. On the {check.rows:,} holdout rows, which the "
        f"refit has seen: {check}."
    )
