"""Build a version's folder from pinned tables, a spec and a seed; a rebuild does the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slipway.records.requests import Request
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.gates.random_holdout import RandomHoldout
from slipway.stages.model import held_out_features, held_out_rows, sbom
from slipway.stages.model.class_scores import class_shares
from slipway.stages.model.decision import THRESHOLD, cheapest_threshold
from slipway.stages.model.held_out_features import HeldOutFeatures
from slipway.stages.model.held_out_rows import HeldOutRows
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.model.manifest import MANIFEST, parse
from slipway.stages.model.provenance import CodeState
from slipway.stages.model.shipped import JUDGED, RANDOM_HOLDOUT, REFIT, SHIP
from slipway.stages.ports.package import FittedModel, Learner
from slipway.stages.ports.tables import Tables
from slipway.stages.search.found import SEARCH
from slipway.stages.train import engine_choice
from slipway.stages.train.calibration_rows import CALIBRATION_ROWS
from slipway.stages.train.drift_reference import sample_reference
from slipway.stages.train.fitting import Find, Fitted, Fitting
from slipway.stages.train.run_facts import numbers_of
from slipway.stages.train.splitting import (
    Split,
)


@dataclass(frozen=True)
class Built:
    """A version's folder.

    Attributes:
        manifest: Its manifest.
        manifest_sha256: Digest of the manifest.
        numbers: Rows, times and engine, as the verdict of a training has them.
    """

    manifest: Mapping[str, Any]
    manifest_sha256: str
    numbers: dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """Recipe of one version.

    Attributes:
        spec: Model.
        dataset: Its dataset.
        request: Request that the version answers.
        tables: Tables of the dataset.
        learner: Fits the model.
        code: State of the code that runs.
        tell: Called with each step as it begins, and with how long a fit has taken.
        judged: Facts about the judged model whose refit on all rows this is; None: the version
            is to be judged.
        kept: Files of the judged model that a refit takes over, by path.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    request: Request
    tables: Tables
    learner: Learner
    code: CodeState
    tell: Callable[[str], None]
    judged: Mapping[str, Any] | None = None
    kept: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def run_key(self) -> str:
        """Run that builds the version, as `<model>/<run>`."""
        return f"{self.spec.model}/{self.request.run}"

    @property
    def fitting(self) -> Fitting:
        """Fit to the rows of a snapshot."""
        return Fitting(
            self.spec,
            self.dataset,
            self.tables,
            self.learner,
            self.tell,
            without_holdout=self.judged is not None,
        )

    @property
    def random(self) -> RandomHoldout | None:
        """Random holdout that the spec asks for; None: by time."""
        return self.fitting.random

    def build(self, pins: Snapshot, folder: Path, *, find: Find) -> Built:
        """Fit the model to the training rows of a snapshot and write the version's folder.

        Args:
            pins: Snapshot.
            folder: Folder to write.
            find: Finds the estimator where the spec asks for a search; else it is not called.

        Raises:
            NotComputable: There are too few rows, or the target does not fit the task.
        """
        fitted = self.fitting.fit(pins, find=find)
        parts, learned, classes = fitted.parts, fitted.learned, fitted.classes
        kept_rows, target = fitted.kept_rows, parts.training[self.spec.target]
        numbers = numbers_of(parts) | {"fit_seconds": fitted.seconds}
        if kept_rows is not None:
            numbers[CALIBRATION_ROWS] = len(kept_rows)
        if kept_rows is not None and (costs := self.spec.training.decision) is not None:
            labels = kept_rows[self.spec.target].to_numpy()
            numbers[THRESHOLD] = cheapest_threshold(labels, learned.predict(kept_rows), costs)
        multiclass = self.spec.task == "multiclass"
        constant = class_shares(target, classes) if multiclass else float(target.mean())
        self.tell("writing the version's folder")
        manifest_sha256 = learned.save(
            folder,
            facts=self._facts(pins, fitted) | numbers | {"constant": constant},
            reference=sample_reference(parts, learned, spec=self.spec, dataset=self.dataset),
            beside={
                **sbom.files_of(self.code.bills),
                **self.kept,
                **self._held_out(parts, learned),
            },
        )
        manifest = parse((folder / MANIFEST).read_bytes(), sha256=manifest_sha256, where=MANIFEST)
        numbers |= engine_choice.numbers_of(manifest)
        numbers |= {} if fitted.found is None else fitted.found.numbers()
        return Built(manifest, manifest_sha256, numbers)

    def _held_out(self, parts: Split, learned: FittedModel) -> dict[str, bytes]:
        """The files of the holdout rows; none of a refit, which has no holdout of its own."""
        rows = parts.holdout
        if rows.empty:
            return {}
        times, labels = rows[parts.event_time], rows[self.spec.target]
        scores = learned.predict(rows)
        files = {held_out_rows.FILE: HeldOutRows(times, labels, scores).bounded().to_bytes()}
        if self.spec.task == "regression":
            personal = self.dataset.streams.features.personal
            names = [name for name in self.spec.features.names if name not in personal]
            known = HeldOutFeatures(rows[names], labels.to_numpy(), scores).bounded()
            files[held_out_features.FILE] = known.to_bytes()
        return files

    def _facts(self, pins: Snapshot, fitted: Fitted) -> dict[str, Any]:
        return {
            "format": 1,
            "model": self.spec.model,
            "dataset": self.dataset.dataset,
            "task": self.spec.task,
            "target": self.spec.target,
            **self.dataset.identity.facts(),
            "run_key": self.run_key,
            "request": self.request.number,
            "reason": self.request.reason,
            "features_version": pins.features_version,
            "labels_version": pins.labels_version,
            "as_of": pins.as_of.isoformat(),
            "estimator": fitted.estimator.model_dump(),
            **({} if fitted.found is None else {SEARCH: dict(fitted.found.facts)}),
            "seed": self.spec.training.seed,
            **self._holdout_facts(),
            "git_commit": self.code.git_commit,
            "lock_sha256": self.code.lock_sha256,
        }

    def _holdout_facts(self) -> dict[str, Any]:
        """What a manifest says of a holdout beside its rows; a refit has none of its own."""
        if self.judged is not None:
            return {SHIP: REFIT, JUDGED: dict(self.judged)}
        return {RANDOM_HOLDOUT: self.random.to_json()} if self.random else {}
