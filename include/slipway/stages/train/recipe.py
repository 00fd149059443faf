"""Build a version's folder from pinned tables, a spec and a seed; a rebuild does the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.records.requests import Request
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.labels import Label
from slipway.spec.metrics import METRICS, has_classes
from slipway.spec.model import Estimator
from slipway.spec.target_classes import declared_classes
from slipway.stages.gates.random_holdout import RandomHoldout, holdout_keys
from slipway.stages.model import held_out_rows, sbom
from slipway.stages.model.class_scores import class_shares
from slipway.stages.model.decision import THRESHOLD, cheapest_threshold
from slipway.stages.model.held_out_rows import HeldOutRows
from slipway.stages.model.label_classes import (
    classes_of,
    pinned_classes,
    require_both_classes,
    to_target,
)
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.model.manifest import MANIFEST, parse
from slipway.stages.model.provenance import CodeState
from slipway.stages.model.shipped import JUDGED, RANDOM_HOLDOUT, REFIT, SHIP
from slipway.stages.ports.package import FittedModel, Learner
from slipway.stages.ports.tables import Tables
from slipway.stages.search.found import SEARCH, Found
from slipway.stages.search.searched_rows import SearchedRows
from slipway.stages.train import engine_choice
from slipway.stages.train.calibration_rows import CALIBRATION_ROWS, kept_for_calibration
from slipway.stages.train.drift_reference import sample_reference
from slipway.stages.train.named_classes import require_named_classes
from slipway.stages.train.narrow_types import narrowed
from slipway.stages.train.run_facts import numbers_of
from slipway.stages.train.splitting import (
    Split,
    split_at_random,
    split_by_time,
    without_holdout,
)
from slipway.stages.train.told_while import told_while

if TYPE_CHECKING:
    import pandas as pd

Find = Callable[[SearchedRows], Found]
"""Finds the estimator to fit, on training rows alone."""


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
    def random(self) -> RandomHoldout | None:
        """Random holdout that the spec asks for; None: by time."""
        training = self.spec.training
        return RandomHoldout.of(training) if training.split == "random" else None

    def build(self, pins: Snapshot, folder: Path, *, find: Find) -> Built:
        """Fit the model to the training rows of a snapshot and write the version's folder.

        Args:
            pins: Snapshot.
            folder: Folder to write.
            find: Finds the estimator where the spec asks for a search; else it is not called.

        Raises:
            NotComputable: There are too few rows, or the target does not fit the task.
        """
        self.tell("reading the rows of the snapshot")
        parts, classes, keys = self._parts(pins)
        target, multiclass = parts.training[self.spec.target], self.spec.task == "multiclass"
        rows, kept_rows = parts.training, None
        kept = kept_for_calibration(parts, self.spec.training, keys=keys)
        if kept is not None:
            rows, kept_rows = rows[~kept], rows[kept]
            keys = None if keys is None else keys[~kept]
        found, estimator, learner = None, self.spec.estimator, self.learner
        if self.spec.searching is not None:
            found = find(SearchedRows(rows, parts.event_time, keys, classes))
            estimator, learner = found.estimator, learner.with_estimator(found.estimator)
        fitting = f"fitting {estimator.name} to {len(rows):,} rows"
        self.tell(fitting)
        started = time.perf_counter()
        with told_while(self.tell, fitting):
            learned = learner.learn(rows, classes=classes, calibrate_on=kept_rows)
        fit_seconds = round(time.perf_counter() - started, 3)
        numbers = numbers_of(parts) | {"fit_seconds": fit_seconds}
        if kept_rows is not None:
            numbers[CALIBRATION_ROWS] = len(kept_rows)
        if kept_rows is not None and (costs := self.spec.training.decision) is not None:
            labels = kept_rows[self.spec.target].to_numpy()
            numbers[THRESHOLD] = cheapest_threshold(labels, learned.predict(kept_rows), costs)
        constant = class_shares(target, classes) if multiclass else float(target.mean())
        self.tell("writing the version's folder")
        manifest_sha256 = learned.save(
            folder,
            facts=self._facts(pins, estimator, found) | numbers | {"constant": constant},
            reference=sample_reference(parts, learned, spec=self.spec, dataset=self.dataset),
            beside={
                **sbom.files_of(self.code.bills),
                **self.kept,
                **self._held_out(parts, learned),
            },
        )
        manifest = parse((folder / MANIFEST).read_bytes(), sha256=manifest_sha256, where=MANIFEST)
        numbers |= engine_choice.numbers_of(manifest) | ({} if found is None else found.numbers())
        return Built(manifest, manifest_sha256, numbers)

    def _held_out(self, parts: Split, learned: FittedModel) -> dict[str, bytes]:
        """The file of the holdout rows; none of a refit, which has no holdout of its own."""
        rows = parts.holdout
        if rows.empty:
            return {}
        times, labels = rows[parts.event_time], rows[self.spec.target]
        held_out = HeldOutRows(times, labels, learned.predict(rows)).bounded()
        return {held_out_rows.FILE: held_out.to_bytes()}

    def _parts(
        self, pins: Snapshot
    ) -> tuple[Split, tuple[Label, ...] | None, pd.Series[Any] | None]:
        """Split labelled rows.

        Returns:
            The parts; the classes of their labels, None for a regression; the keys of training
            rows by which a search groups them, None by time.
        """
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
        if self.judged is not None:
            parts = without_holdout(parts, training=self.spec.training)
        keys = None
        if self.random is not None:
            keys = holdout_keys(rows, self.dataset.identity.key).loc[parts.training.index]
        if has_classes(self.spec.task):
            self._require_both_classes(parts, delivered)
        if self.spec.task == "multiclass" and self.spec.classes is None:
            classes = pinned_classes(delivered.loc[parts.training.index], self.spec)
            recoded = parts.rows.copy(deep=False)
            recoded[name] = to_target(delivered.loc[recoded.index], self.spec, classes=classes)
            parts = replace(parts, rows=recoded)
        found = classes_of(delivered, declared=declared_classes(self.spec))
        require_named_classes(self.spec, classes, found)
        return parts, classes, keys

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
        if needing and self.judged is None:
            require_both_classes(
                delivered.loc[parts.holdout.index],
                self.spec,
                what="holdout rows",
                hint=f"{wait}, {more} in model.yaml, or gate by a metric "
                f"that one class suffices for instead of {', '.join(needing)}",
            )

    def _facts(self, pins: Snapshot, estimator: Estimator, found: Found | None) -> dict[str, Any]:
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
            "estimator": estimator.model_dump(),
            **({} if found is None else {SEARCH: dict(found.facts)}),
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
