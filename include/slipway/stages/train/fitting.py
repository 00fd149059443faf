"""Fit a model to the labelled rows of a snapshot, as its spec splits them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.labels import Label
from slipway.spec.metrics import METRICS, has_classes
from slipway.spec.model import Estimator
from slipway.spec.target_classes import declared_classes
from slipway.stages.gates.random_holdout import RandomHoldout, holdout_keys
from slipway.stages.model.label_classes import (
    classes_of,
    pinned_classes,
    require_both_classes,
    to_target,
)
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.ports.package import FittedModel, Learner, Rounds
from slipway.stages.ports.tables import Tables
from slipway.stages.search.found import Found
from slipway.stages.search.searched_rows import SearchedRows
from slipway.stages.train.calibration_rows import kept_for_calibration
from slipway.stages.train.named_classes import require_named_classes
from slipway.stages.train.narrow_types import narrowed
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
class Fitted:
    """A fitted model with the rows that it was fitted to.

    Attributes:
        learned: The model.
        parts: Training rows and holdout.
        classes: Classes of the target by their codes; None of a regression.
        kept_rows: Training rows that corrected its scores; None without a calibration.
        estimator: Estimator with its parameters.
        found: What a search found; None without one.
        seconds: Wall time of the fit.
    """

    learned: FittedModel
    parts: Split
    classes: tuple[Label, ...] | None
    kept_rows: pd.DataFrame | None
    estimator: Estimator
    found: Found | None
    seconds: float


@dataclass(frozen=True)
class Prepared:
    """Rows of a snapshot before the fit.

    Attributes:
        parts: Training rows and holdout.
        classes: Classes of the target by their codes; None of a regression.
        rows: Training rows that the estimator learns from, and a search may see.
        kept_rows: Training rows that correct its scores; None without a calibration.
        keys: Keys by which a search groups `rows`; None: by time.
    """

    parts: Split
    classes: tuple[Label, ...] | None
    rows: pd.DataFrame
    kept_rows: pd.DataFrame | None
    keys: pd.Series[Any] | None

    @property
    def searched(self) -> SearchedRows:
        """What a search sees."""
        return SearchedRows(self.rows, self.parts.event_time, self.keys, self.classes)


@dataclass(frozen=True)
class Fitting:
    """Fit of a model to the rows of a snapshot.

    Attributes:
        spec: Model.
        dataset: Its dataset.
        tables: Tables of the dataset.
        learner: Fits the model.
        tell: Called with each step as it begins, and with how long a fit has taken.
        without_holdout: Whether the model learns from all rows.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    tables: Tables
    learner: Learner
    tell: Callable[[str], None]
    without_holdout: bool = False

    @property
    def random(self) -> RandomHoldout | None:
        """Random holdout that the spec asks for; None: by time."""
        training = self.spec.training
        return RandomHoldout.of(training) if training.split == "random" else None

    def fit(self, pins: Snapshot, *, find: Find) -> Fitted:
        """Fit the model to the training rows of a snapshot.

        Args:
            pins: Snapshot.
            find: Finds the estimator where the spec asks for a search; else it is not called.

        Raises:
            NotComputable: There are too few rows, or the target does not fit the task.
        """
        made = self.prepare(pins)
        rows, kept_rows, classes = made.rows, made.kept_rows, made.classes
        found, estimator, learner = None, self.spec.estimator, self.learner
        if self.spec.searching is not None:
            found = find(made.searched)
            estimator, learner = found.estimator, learner.with_estimator(found.estimator)
        fitting = f"fitting {estimator.name} to {len(rows):,} rows"
        self.tell(fitting)
        started = time.perf_counter()
        rounds = Rounds()
        with told_while(self.tell, fitting, how_far=lambda: str(rounds)):
            learned = learner.learn(rows, classes=classes, calibrate_on=kept_rows, rounds=rounds)
        fit_seconds = round(time.perf_counter() - started, 3)
        return Fitted(learned, made.parts, classes, kept_rows, estimator, found, fit_seconds)

    def prepare(self, pins: Snapshot) -> Prepared:
        """Read and split the labelled rows of a snapshot.

        Raises:
            NotComputable: There are too few rows, or the target does not fit the task.
        """
        self.tell("reading the rows of the snapshot")
        parts, classes, keys = self._parts(pins)
        rows, kept_rows = parts.training, None
        kept = kept_for_calibration(parts, self.spec.training, keys=keys)
        if kept is not None:
            rows, kept_rows = rows[~kept], rows[kept]
            keys = None if keys is None else keys[~kept]
        return Prepared(parts, classes, rows, kept_rows, keys)

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
        if self.without_holdout:
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
        if needing and not self.without_holdout:
            require_both_classes(
                delivered.loc[parts.holdout.index],
                self.spec,
                what="holdout rows",
                hint=f"{wait}, {more} in model.yaml, or gate by a metric "
                f"that one class suffices for instead of {', '.join(needing)}",
            )
