"""Make the adapters of one installation from its settings.

Adapters are imported when they are first used: a task pays only for the tools that its own stage
uses, and this module itself is light enough for the triggerer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from slipway.errors import BadParameter
from slipway.settings import Settings, revealed
from slipway.spec.loading import Loaded, load_all
from slipway.spec.problems import SpecErrors, nearest
from slipway.spec.sources import SOURCES
from slipway.wiring.now_and_then import logged_now_and_then
from slipway.wiring.personal_keys import personal_keys
from slipway.wiring.platforms import ModelPlatforms

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.adapters.delta_tables import DeltaTables, ScoreTable
    from slipway.adapters.drift_report import DriftReports
    from slipway.adapters.expectations.suites import ExpectationSuites
    from slipway.adapters.mlflow_server import MlflowRegistry
    from slipway.adapters.model_package import Package
    from slipway.adapters.model_package.learner import SklearnLearner
    from slipway.adapters.prediction_log import PredictionLog
    from slipway.adapters.prometheus import PrometheusHistory
    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.model.personal_keys import PersonalKeys
    from slipway.stages.model.provenance import CodeState
    from slipway.stages.model.sign_version import Signing
    from slipway.stages.ports import prediction_log
    from slipway.stages.ports.delivery_source import DeliverySource
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.signatures import Verifier
    from slipway.stages.ports.tracking import Tracking
    from slipway.stages.rollout.platform import Platform
    from slipway.stages.search.search import SearchTools


class Container:
    """The adapters of one installation, each made when it is first used.

    Args:
        settings: Settings of the installation; None: from the environment.
        registry_within_s: Time limit of the model registry's answers; None: the adapter's. A
            report has a short one, since it can tell the rest without the registry.
    """

    def __init__(
        self, settings: Settings | None = None, *, registry_within_s: float | None = None
    ) -> None:
        self.settings = settings or Settings()
        self._registry_within_s = registry_within_s
        self._platforms = ModelPlatforms(self)
        self._pinned_models: dict[str, ModelSpec] = {}
        self._pinned_datasets: dict[str, DatasetSpec] = {}

    @cached_property
    def store(self) -> Store:
        """Objects under the store's root."""
        from slipway.adapters.object_store import open_store

        return open_store(self.settings.store)

    @cached_property
    def tables(self) -> DeltaTables:
        """Delta tables of the datasets."""
        from slipway.adapters.delta_tables import DeltaTables

        return DeltaTables(self.settings.store)

    def source(self, name: str) -> DeliverySource:
        """Return the source of deliveries that a spec names."""
        source: DeliverySource = resolve_name(SOURCES[name].path)(self.store)
        return source

    @cached_property
    def suites(self) -> ExpectationSuites:
        """Expectation suites, evaluated by Great Expectations."""
        from slipway.adapters.expectations.suites import ExpectationSuites

        return ExpectationSuites()

    @cached_property
    def registry(self) -> Registry:
        """Model registry, MLflow's, held against the ledger."""
        from slipway.stages.rollout.entered_registry import EnteredRegistry

        return EnteredRegistry(self.mlflow_registry, self.store)

    @cached_property
    def mlflow_registry(self) -> MlflowRegistry:
        """MLflow's registry as it is; for a version whose digest a rollout has given."""
        from slipway.wiring.mlflow import open_registry

        within_s = self._registry_within_s
        return open_registry(self.settings, answer_within_s=within_s, verifier=self.verifier)

    @cached_property
    def verifier(self) -> Verifier | None:
        """Public keys that are trusted; None: signatures are not required."""
        from slipway.wiring.signing import verifier_of

        return verifier_of(self.settings)

    @cached_property
    def signing(self) -> Signing:
        """Keys that sign and verify model versions; `BadParameter` if one cannot be read."""
        from slipway.wiring.signing import signing_of

        return signing_of(self.settings)

    @cached_property
    def tracking(self) -> Tracking:
        """Experiment tracking, MLflow's."""
        from slipway.wiring.mlflow import open_tracking

        return open_tracking(self.settings)

    @cached_property
    def log(self) -> PredictionLog:
        """Prediction log."""
        from slipway.adapters.prediction_log import PredictionLog

        return PredictionLog(self.store)

    @cached_property
    def reports(self) -> DriftReports:
        """Drift reports, made by Evidently."""
        from slipway.adapters.drift_report import DriftReports

        return DriftReports()

    @cached_property
    def metric_history(self) -> PrometheusHistory:
        """History of the servers' metrics, Prometheus'."""
        from slipway.adapters.prometheus import open_history

        settings = self.settings
        return open_history(
            settings.with_userinfo("prometheus_url"),
            token=revealed(settings.prometheus_token),
            ca=settings.tls_ca,
            matchers=settings.prometheus_matchers,
        )

    @cached_property
    def scores(self) -> ScoreTable:
        """Score tables of models that score in batches."""
        from slipway.adapters.delta_tables import ScoreTable

        return ScoreTable(self.settings.store)

    def platform_for(self, model: ModelSpec) -> Platform:
        """Return the platform that serves a model; `wiring/platforms.py` chooses it.

        Raises:
            BadParameter: It cannot be built from the settings.
        """
        return self._platforms.platform_for(model)

    def log_for(self, model: ModelSpec) -> prediction_log.PredictionLog:
        """Return a model's predictions: the prediction log, or its score table."""
        return self.scores if model.deployment.capabilities.scores_in_batches else self.log

    def code(self) -> CodeState:
        """Return the commit of the code and whether it was changed."""
        from slipway.adapters.git_commit import read_code_state

        return read_code_state(self.settings.project, commit=self.settings.git_commit)

    def learner(self, model: ModelSpec, dataset: DatasetSpec) -> SklearnLearner:
        """Return the learner of a model, with the present text of its `pipeline.py`."""
        file = self.settings.models_folder / model.model / "pipeline.py"
        pipeline_py = file.read_text() if file.is_file() else None
        return self.make_learner(model, dataset, pipeline_py)

    def make_learner(
        self, model: ModelSpec, dataset: DatasetSpec, pipeline_py: str | None
    ) -> SklearnLearner:
        """Return the learner of a model with a text of its `pipeline.py`."""
        from slipway.adapters.model_package.learner import SklearnLearner

        return SklearnLearner(model, dataset, pipeline_py, self.personal_keys)

    def load_package(self, folder: Path) -> Package:
        """Load a version's folder, whose personal columns it hashes by the version's key.

        Raises:
            BadParameter: The version's key is not among those of the installation.
            Tampered: A file differs from its digest.
        """
        from slipway.adapters.model_package import load_package

        return load_package(folder, self.personal_keys)

    @cached_property
    def personal_keys(self) -> PersonalKeys:
        """Keys of personal columns."""
        return personal_keys(self.settings)

    def search_tools(self) -> SearchTools:
        """Return what a search for an estimator needs; Optuna is imported once it is used."""
        from slipway.adapters.metrics import measure
        from slipway.stages.search.search import SearchTools
        from slipway.wiring.search import open_processes, open_study

        return SearchTools(measure, open_study(self.settings), open_processes, self.tell_progress())

    def tell_progress(self) -> Callable[[str], None]:
        """Return what is called with how far a long piece of work is."""
        return logged_now_and_then()

    def pin_specs(self, model: ModelSpec, dataset: DatasetSpec) -> None:
        """Use these specs in place of the project's, whose specs are invalid or gone."""
        self._pinned_models[model.model] = model
        self._pinned_datasets[dataset.dataset] = dataset

    def dataset(self, name: str) -> DatasetSpec:
        """Return the spec of a dataset.

        Raises:
            BadParameter: There is no such dataset.
            SpecError: Its spec is invalid.
        """
        if name in self._pinned_datasets:
            return self._pinned_datasets[name]
        loaded = load_all(self.settings.project, only=name)
        if name not in loaded.datasets:
            raise self._unknown(("dataset",), name, loaded)
        return loaded.datasets[name]

    def model(self, name: str) -> ModelSpec:
        """Return the spec of a model.

        Raises:
            BadParameter: There is no such model.
            SpecError: Its spec is invalid.
        """
        if name in self._pinned_models:
            return self._pinned_models[name]
        loaded = load_all(self.settings.project, only=name)
        if name not in loaded.models:
            raise self._unknown(("model",), name, loaded)
        return loaded.models[name]

    def model_or_dataset(self, name: str) -> ModelSpec | DatasetSpec:
        """Return the spec of a model or of a dataset; no two have one name.

        Raises:
            BadParameter: There is neither.
            SpecError: Its spec is invalid.
        """
        loaded = load_all(self.settings.project, only=name)
        found = loaded.models.get(name) or loaded.datasets.get(name)
        if found is None:
            raise self._unknown(("model", "dataset"), name, loaded)
        return found

    def _unknown(
        self, kinds: Sequence[str], name: str, loaded: Loaded
    ) -> BadParameter | SpecErrors:
        if loaded.problems:
            return SpecErrors(loaded.problems)
        folders = [self.settings.project / "include" / f"{kind}s" for kind in kinds]
        names = [
            entry.name
            for folder in folders
            for entry in sorted(folder.glob("*/"))
            if entry.name[0] not in "._"
        ]
        missing = f"there is no {' or '.join(kinds)} {name!r}"
        if not names:
            files = " or ".join(f"include/{kind}s/<name>/{kind}.yaml" for kind in kinds)
            return BadParameter(
                f"{missing}: there are no {' and no '.join(f'{kind}s' for kind in kinds)} yet",
                expected=files,
                where=", ".join(map(str, folders)),
                hint="docs/guides/your-own.md shows how to make one; SLIPWAY_PROJECT names another "
                "project",
            )
        close = nearest(name, names)
        return BadParameter(
            missing,
            expected=f"one of {', '.join(names)}",
            where=", ".join(map(str, folders)),
            hint=f"did you mean {close!r}?" if close else None,
        )
