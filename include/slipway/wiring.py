"""Settings become concrete adapters here, and nowhere else.

Airflow tasks, pods, the shell and the servers all come through this file, so a stage is wired
in one way wherever it runs. Adapters are imported when they are first asked for: a task pays
only for the tools that its own stage uses.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from slipway.errors import BadParameter
from slipway.settings import Settings
from slipway.spec.loading import load_dataset, load_model

if TYPE_CHECKING:
    from slipway.adapters.delta_tables import DeltaTables
    from slipway.adapters.drift_report import DriftReports
    from slipway.adapters.expectations import ExpectationSuites
    from slipway.adapters.http_platform import LocalPlatform
    from slipway.adapters.mlflow_server import MlflowRegistry
    from slipway.adapters.mlflow_server import MlflowTracking
    from slipway.adapters.prediction_log import PredictionLog
    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec


class Workshop:
    """One installation's tools, each made when it is first asked for.

    Args:
        settings: Where this installation keeps things; the environment's when not given.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()

    @cached_property
    def store(self) -> Store:
        """Objects under the store's root."""
        from slipway.adapters.object_store import open_store

        return open_store(self.settings.store)

    @cached_property
    def tables(self) -> DeltaTables:
        """The datasets' Delta tables."""
        from slipway.adapters.delta_tables import DeltaTables

        return DeltaTables(self.settings.store)

    @cached_property
    def expectations(self) -> ExpectationSuites:
        """Great Expectations."""
        from slipway.adapters.expectations import ExpectationSuites

        return ExpectationSuites()

    @cached_property
    def registry(self) -> MlflowRegistry:
        """Model versions and aliases."""
        from slipway.adapters.mlflow_server import MlflowRegistry

        return MlflowRegistry(self.settings.mlflow)

    @cached_property
    def tracking(self) -> MlflowTracking:
        """Training runs."""
        from slipway.adapters.mlflow_server import MlflowTracking

        return MlflowTracking(self.settings.mlflow)

    @cached_property
    def log(self) -> PredictionLog:
        """What was answered."""
        from slipway.adapters.prediction_log import PredictionLog

        return PredictionLog(self.store)

    @cached_property
    def drift(self) -> DriftReports:
        """Evidently."""
        from slipway.adapters.drift_report import DriftReports

        return DriftReports()

    @cached_property
    def platform(self) -> LocalPlatform:
        """What serves."""
        from slipway.adapters.http_platform import LocalPlatform

        return LocalPlatform(self.settings.platform, self.store)

    def dataset(self, name: str) -> DatasetSpec:
        """The spec of one dataset.

        Raises:
            BadParameter: There is no such dataset.
            SpecError: Its folder is written wrongly.
        """
        folder = self.settings.datasets_folder / name
        if not folder.is_dir():
            raise BadParameter(f"there is no dataset {name!r}", where=str(folder))
        return load_dataset(folder)

    def model(self, name: str) -> ModelSpec:
        """The spec of one model.

        Raises:
            BadParameter: There is no such model.
            SpecError: Its folder is written wrongly.
        """
        folder = self.settings.models_folder / name
        if not folder.is_dir():
            raise BadParameter(f"there is no model {name!r}", where=str(folder))
        return load_model(folder)
