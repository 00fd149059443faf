"""Two environments of one model, staging and production, each with its own servers and store."""

from __future__ import annotations

import shutil
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from slipway.adapters.model_package import Package, load_package
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.serving.v2.protocol import Inputs
from slipway.serving.v2.signature import Signature
from slipway.spec import ModelSpec
from slipway.stages.import_version import import_version
from slipway.stages.import_version.environments import SourceEnvironment, TargetEnvironment
from slipway.stages.import_version.regate import RegateTools
from slipway.stages.ports.raw_column import signature_of
from slipway.stages.rollout.promote_champion import promote_champion
from slipway.stages.rollout.reconcile import reconcile
from slipway.stages.rollout.switch import switch
from slipway.stages.rollout.verify import verify
from slipway.wiring.gate_tools import gate_tools
from tests.fakes.kill_points import KillableProxy, KillPoint
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.mlflow import MemoryRegistry
from tests.fakes.rollout import FakePlatform, Scores
from tests.fakes.tracking import MemoryRuns, MemoryTracking
from tests.support import ferry_dataset, training_env

WRITES = frozenset(
    {
        *("write", "create", "delete"),
        *("begin", "log_metrics", "log_package", "end", "attach"),
        *("register", "add_file", "set_alias", "delete_alias", "tag", "anchor"),
    }
)
ORIGIN = {"by": "ada", "run_id": "shell-1"}


def spec(**changes: Any) -> ModelSpec:
    """The ferries' model with a rollout without steps."""
    deployment = {"verify": {"replay_rows": 20}, "shift": {"steps": []}}
    return training_env.spec(**{"deployment": deployment, **changes})


@dataclass
class Environment:
    """A model's training, registry and serving platform in one environment.

    Attributes:
        name: Address of its MLflow server.
        training: Train stages, store and registry.
        runs: Reader of its training runs.
        platform: Serving platform.
    """

    name: str
    training: training_env.TrainingEnv
    runs: Any
    platform: FakePlatform

    @classmethod
    def make(
        cls, name: str, *, tracking: Any, registry: Any, runs: Any, store: Any = None
    ) -> Environment:
        """An environment on the given servers, without rows."""
        store = store or MemoryStore()
        training = training_env.TrainingEnv(
            store, MemoryTables(), tracking, registry, spec(), ferry_dataset.dataset()
        )
        return cls(name, training, runs, FakePlatform(store, _signature(), {}))

    @classmethod
    def in_memory(cls, name: str, folder: Path) -> Environment:
        """An environment on fakes, without rows."""
        tracking = MemoryTracking(folder / name)
        registry, runs = MemoryRegistry(tracking), MemoryRuns(tracking)
        return cls.make(f"memory://{name}", tracking=tracking, registry=registry, runs=runs)

    def copy(self, folder: Path) -> Environment:
        """A copy of an environment in memory, with a state of its own."""
        # A signature is a value, and holds types of its parser.
        signature = self.platform.signature
        made = deepcopy(self, {id(signature): signature})
        made.training.tracking.root = shutil.copytree(self.training.tracking.root, folder / "copy")
        return made

    def killed_at(self, kill_point: KillPoint) -> Environment:
        """The same environment, whose writes raise `Killed` at a kill point."""
        training = self.training
        tracking, registry, store, runs = (
            KillableProxy(one, kill_point, writes=WRITES)
            for one in (training.tracking, training.registry, training.store, self.runs)
        )
        mine = replace(training, tracking=tracking, registry=registry, store=store)
        return replace(self, training=mine, runs=runs)

    def train(self, unique: str = "first", *, days: int = 60, start: int = 0, seed: int = 1) -> int:
        """Version of a challenger, trained after more days of crossings have landed."""
        begin = ferry_dataset.START + pd.Timedelta(days=start)
        self.training.land(ferry_dataset.crossings(days=days, start=begin, seed=seed))
        request = self.training.ask(unique)
        self.training.until_gate(request)
        if self.training.spec.training.ship == "refit":
            self.training.refit(request)
        return int(self.training.promote(request).verdict.numbers["version"] or 0)

    def roll(self, to: str = "challenger", *, holder: str = "run-1") -> list[str]:
        """Action of each stage of a rollout, up to the first that ends it."""
        begun = self.reconcile(to, holder=holder)
        actions = [begun.verdict.action]
        if actions == ["nothing"]:
            return actions
        run = begun.ref.run
        actions.append(self.verify(run).verdict.action)
        if actions[-1] == "verified":
            common = self._common() | {"rollout": run}
            actions.append(switch(self.training.spec, **common).verdict.action)
            actions.append(promote_champion(self.training.spec, **common).verdict.action)
        return actions

    def reconcile(self, to: str = "challenger", *, holder: str = "run-1") -> RunRecord:
        """Run the first stage of a rollout."""
        self._load()
        return reconcile(self.training.spec, **self._common(), holder=holder, to=to)

    def verify(self, run: str) -> RunRecord:
        """Run the second stage of a rollout."""
        return verify(
            self.training.spec,
            self.training.dataset,
            **self._common(),
            rollout=run,
            tables=self.training.tables,
            load=load_package,
        )

    def champion(self) -> int | None:
        """Version of the champion."""
        found = self.training.registry.alias(self.training.spec.model, "champion")
        return found.version if found else None

    def challenger(self) -> int | None:
        """Version of the challenger."""
        found = self.training.registry.alias(self.training.spec.model, "challenger")
        return found.version if found else None

    def source(self) -> SourceEnvironment:
        """This environment as the source of an import."""
        return SourceEnvironment(self.name, self.training.registry, self.runs, self.training.store)

    def bring(
        self,
        source: Environment,
        which: str = "champion",
        *,
        replace: bool = False,
        without_champion: bool = False,
    ) -> Verdict:
        """Verdict of the import of another environment's version into this one."""
        training, theirs = self.training, source.training.registry
        model = training.spec.model
        version = (
            theirs.version(model, int(which)) if which.isdecimal() else theirs.alias(model, which)
        )
        assert version is not None
        tools = RegateTools(training.registry, training.tables, load_package, gate_tools())
        outcome = import_version.import_version(
            training.spec,
            training.dataset,
            version=version,
            source=source.source(),
            target=TargetEnvironment(
                training.registry, training.tracking, self.runs, tools, training.signing
            ),
            context=RunContext(training.store, ORIGIN),
            replace=replace,
            without_champion=without_champion,
        )
        return outcome.verdict if isinstance(outcome, RunRecord) else outcome

    def _load(self) -> None:
        """Load every version that an alias names into the platform."""
        model = self.training.spec.model
        for alias in ("champion", "challenger", "previous"):
            found = self.training.registry.alias(model, alias)
            if found is not None and found.version not in self.platform.models:
                with TemporaryDirectory() as scratch:
                    folder = self.training.registry.download(
                        model, found.version, Path(scratch) / "version"
                    )
                    self.platform.models[found.version] = _scores(load_package(folder))

    def _common(self) -> dict[str, Any]:
        return {
            "context": RunContext(self.training.store, ORIGIN),
            "registry": self.training.registry,
            "platform": self.platform,
        }


def count_versions(env: Environment) -> int:
    """Number of versions of the model in an environment's registry."""
    return len(env.training.registry.versions.get(env.training.spec.model, []))


def _scores(package: Package) -> Scores:
    def score(inputs: Inputs) -> list[float]:
        return [float(one) for one in package.predict(pd.DataFrame(dict(inputs.columns)))]

    return score


def _signature() -> Signature:
    dataset, model = ferry_dataset.dataset(), ferry_dataset.model()
    return Signature(
        signature_of(model, dataset),
        key=dataset.identity.key.column,
        event_time=dataset.identity.time.column,
        key_type=dataset.identity.key.type,
    )
