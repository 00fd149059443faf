"""Answers of another model to the requests of a window: the former champion's, or a fresh one's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from slipway.errors import BadRequest, NotComputable, NotFound, Tampered
from slipway.records.scratch_folder import scratch_folder
from slipway.spec.logged_columns import logged_name
from slipway.stages.model.decision import threshold_of
from slipway.stages.model.label_rows import labels_table
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.model.version_tags import COMPARED_WITH
from slipway.stages.search.found import SEARCH, Found
from slipway.stages.train.fitting import Fitting

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.labels import Label
    from slipway.stages.monitor.windows.windows import MonitoredWindow
    from slipway.stages.ports.gate_tools import GateTools
    from slipway.stages.ports.package import Learner, LoadPackage
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tables import Tables


@dataclass(frozen=True)
class ComparedAnswers:
    """Scores of another model for the rows of a window.

    Attributes:
        scores: Of shape (n_rows,), or (n_rows, n_classes).
        classes: Its classes, by their codes; None of a regression.
        threshold: Score above which it predicts class 1.
        against: The model in words, as in `where a fresh model has 0.7`.
    """

    scores: np.ndarray[Any, Any]
    classes: Sequence[Label] | None
    threshold: float
    against: str


@dataclass(frozen=True)
class PerformanceTools:
    """Adapters that measure the performance of a window.

    Attributes:
        gates: Adapters of the gates, which windows are judged by as well.
        load: Loads a version.
        make_learner: Makes the learner of a fresh model.
    """

    gates: GateTools
    load: LoadPackage
    make_learner: Callable[[ModelSpec, DatasetSpec], Learner]


@dataclass(frozen=True)
class ComparedModels:
    """Where other models come from.

    Attributes:
        spec: The model.
        dataset: Its dataset.
        registry: Former champions.
        tables: Rows that a fresh model is fitted to.
        tools: Adapters that load and fit models.
    """

    spec: ModelSpec
    dataset: DatasetSpec
    registry: Registry
    tables: Tables
    tools: PerformanceTools

    def former(self, rows: pd.DataFrame, *, tags: Mapping[str, str]) -> ComparedAnswers:
        """Return the answers of the champion that a version was compared with.

        Args:
            rows: Logged predictions.
            tags: Tags of the version.

        Raises:
            NotComputable: There was none, or it cannot answer these rows.
        """
        named = re.fullmatch(r"version ([0-9]{1,9})", tags.get(COMPARED_WITH, ""))
        if named is None:
            raise NotComputable("there was no champion before this one")
        version = int(named[1])
        with scratch_folder("slipway-former-", needs="the former champion's folder") as scratch:
            try:
                folder = self.registry.download(self.spec.model, version, scratch)
            except (NotFound, Tampered) as error:
                raise NotComputable("the former champion is lost", found=error.message) from error
            package = self.tools.load(folder)
            manifest = package.manifest
            frame = self._frame(rows, [one["name"] for one in manifest["features"]])
            try:
                scores = package.predict(frame)
            except BadRequest as error:
                why = "the former champion cannot answer these rows"
                raise NotComputable(why, found=error.message) from error
        against = f"version {version}, the champion before it, has"
        return ComparedAnswers(scores, manifest.get("classes"), threshold_of(manifest), against)

    def fresh(
        self,
        rows: pd.DataFrame,
        *,
        monitored: MonitoredWindow,
        manifest: Mapping[str, Any],
    ) -> ComparedAnswers:
        """Return the answers of a model that was fitted to what was known as the window began.

        Labels of an event are known once the label horizon has passed, whenever they really came.
        The model is of the present spec; where that asks for a search, with what the version's
        found.

        Args:
            rows: Logged predictions.
            monitored: The window.
            manifest: Manifest of the version.

        Raises:
            NotComputable: There are too few rows to fit it.
        """
        spec, tables = self.spec, self.tables
        features = tables.version(f"{self.dataset.dataset}/features")
        labels = tables.version(labels_table(self.dataset))
        if features is None or labels is None:
            raise NotComputable("there are no labelled rows to fit a fresh model to")
        fitting = Fitting(
            spec,
            self.dataset,
            tables,
            self.tools.make_learner(spec, self.dataset),
            _silent,
            without_holdout=True,
        )
        if spec.searching is not None and SEARCH not in manifest:
            raise NotComputable("no search has found the parameters of a fresh model")
        horizon = timedelta(days=spec.monitoring.label_horizon_days)
        pins = Snapshot(features, labels, monitored.window.start - horizon)
        fitted = fitting.fit(pins, find=lambda _: Found.of_version(manifest))
        scores = fitted.learned.predict(self._frame(rows, spec.features.names))
        against = f"a fresh model, fitted to {len(fitted.parts.rows):,} rows known before it, has"
        return ComparedAnswers(scores, fitted.classes, threshold_of(manifest), against)

    def _frame(self, rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """Features of logged predictions, by their own names."""
        declared = self.dataset.streams.features.columns
        personal = [one for one in names if one in declared and declared[one].pii is not None]
        if personal:
            raise NotComputable(
                "the log does not hold what another model would need", where=", ".join(personal)
            )
        multiclass = self.spec.task == "multiclass"
        logged = {name: logged_name(name, multiclass=multiclass) for name in names}
        if missing := [name for name, column in logged.items() if column not in rows]:
            raise NotComputable(
                "the log does not hold what another model would need", where=", ".join(missing)
            )
        frame = rows[list(logged.values())]
        frame.columns = list(logged)
        return frame


def _silent(step: str) -> None:
    """Tell no step of the fit."""
    del step
