"""Adapters of one policy's ring: tables of the past, kept fits, and predictions of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from slipway.adapters.delta_tables.past_tables import PastTables
from slipway.adapters.drift_report import DriftReports
from slipway.adapters.model_package.kept_fits import KeepingLearner
from slipway.local.backtest.played_log import AskedRows, PlayedLog, Scores
from slipway.records.scratch_folder import scratch_folder
from slipway.wiring.scratch_container import ScratchContainer

if TYPE_CHECKING:
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.model.provenance import CodeState
    from slipway.stages.ports import prediction_log
    from slipway.stages.ports.package import Package
    from slipway.stages.rollout.platform import Platform, Served


@dataclass(frozen=True)
class LaneFolders:
    """Where a lane reads and writes.

    Attributes:
        project: Project with the specs, and `pipeline.py`.
        own: Folder of the lane: its store, runs and versions.
        fits: Folder of the kept fits of all lanes.
        scores: Folder of the scores of all lanes.
    """

    project: Path
    own: Path
    fits: Path
    scores: Path


class _NothingServed:
    """A platform that serves nothing: a backtest asks the models itself."""

    def served(self, model: str) -> Served | None:
        """None, so that the champion is what is monitored."""
        del model
        return None


class _NoPages(DriftReports):
    """Drift distances without their pages."""

    def html(self, *_: Any, **__: Any) -> bytes:
        """Return an empty page."""
        return b""


class LaneContainer(ScratchContainer):
    """Adapters of a lane: tables of the past, kept fits, and predictions that it makes itself.

    Args:
        folders: Folders of the lane.
        model: Name of the model.
        rows: Rows of the history.
        served: Version that served each step.
        code: State of the code.
    """

    def __init__(
        self,
        folders: LaneFolders,
        model: str,
        *,
        rows: AskedRows,
        served: Mapping[int, int],
        code: CodeState,
    ) -> None:
        super().__init__(folders.project, folders.own)
        self._fits, self._model, self._code = folders.fits, model, code
        self._past = PastTables(rows.timeline.root, {})
        self._packages: dict[int, Package] = {}
        self.row_scores = Scores(rows, folders.scores)
        self._log = PlayedLog(self.row_scores, served, self.package)

    @cached_property
    def tables(self) -> PastTables:
        """Tables of the history, at the present step."""
        return self._past

    @cached_property
    def reports(self) -> DriftReports:
        """Drift reports without pages."""
        return _NoPages()

    def log_for(self, model: ModelSpec) -> prediction_log.PredictionLog:
        """Return the predictions of the lane's champions."""
        del model
        return self._log

    def platform_for(self, model: ModelSpec) -> Platform:
        """Return a platform that serves nothing."""
        del model
        return cast("Platform", _NothingServed())

    def code(self) -> CodeState:
        """Return the state of the code, which was read once."""
        return self._code

    def learner(self, model: ModelSpec, dataset: DatasetSpec) -> KeepingLearner:
        """Return a learner that keeps its fits."""
        plain = super().learner(model, dataset)
        return KeepingLearner(model, dataset, plain.pipeline_py, plain.keys, self._fits)

    def package(self, version: int) -> Package:
        """Return a version's model, which is loaded once."""
        if version not in self._packages:
            with scratch_folder("slipway-backtest-", needs="a version") as scratch:
                folder = self.registry.download(self._model, version, scratch / "version")
                self._packages[version] = self.load_package(folder)
        return self._packages[version]
