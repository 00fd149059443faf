"""A model's train stages, from labelled rows to a challenger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from slipway.adapters.metrics import measure
from slipway.adapters.model_package import Package, load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.records.requests import Request, file_request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.records.store import Store
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.labels import Label
from slipway.stages.model.personal_keys import NO_KEYS, PersonalKeys
from slipway.stages.model.provenance import CodeState
from slipway.stages.model.sign_version import UNSIGNED, Signing
from slipway.stages.ports.package import FittedModel, Learner, MakeLearner, Rounds
from slipway.stages.ports.registry import Registry
from slipway.stages.search.search import SearchTools
from slipway.stages.train.evaluate import evaluate
from slipway.stages.train.promote import gate_challenger, promote_challenger
from slipway.stages.train.refit import RefitTools, refit
from slipway.stages.train.search_share import search
from slipway.stages.train.snapshot import snapshot
from slipway.stages.train.train import train
from slipway.wiring.gate_tools import gate_tools
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.fakes.mlflow import MemoryRegistry
from tests.fakes.tracking import MemoryTracking
from tests.support import ferry_dataset
from tests.support.searches import search_tools

CODE = CodeState(
    git_commit="c0ffee",
    lock_sha256="10c4",
    bills={"stages": b'{"bomFormat": "CycloneDX"}', "server": b"{}"},
)
ORIGIN = {"dag": "ferry_delay__train", "run": "manual", "try": 1}


@dataclass
class TrainingEnv:
    """The train stages of one model, with their adapters or fakes.

    Attributes:
        store: Records and requests.
        tables: Tables of the dataset.
        tracking: Training runs.
        registry: Model versions.
        spec: Spec of the model.
        dataset: Spec of the dataset.
        code: State of the code that trains.
    """

    store: Store
    tables: MemoryTables
    tracking: Any
    registry: Registry
    spec: ModelSpec
    dataset: DatasetSpec
    code: CodeState = CODE
    signing: Signing = UNSIGNED
    keys: PersonalKeys = NO_KEYS

    @classmethod
    def in_memory(cls, folder: Path) -> TrainingEnv:
        """An environment on fakes, without rows."""
        tracking = MemoryTracking(folder)
        return cls(
            MemoryStore(),
            MemoryTables(),
            tracking,
            MemoryRegistry(tracking),
            spec(),
            ferry_dataset.dataset(),
        )

    @property
    def learner(self) -> SklearnLearner:
        """Learner of the model."""
        return SklearnLearner(self.spec, self.dataset, None, self.keys)

    def load(self, folder: Path) -> Package:
        """A loaded version."""
        return load_package(folder, self.keys)

    def land(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Publish rows and their labels."""
        ferry_dataset.publish(self.tables, rows, labels=rows)
        return rows

    def ask(
        self, unique: str = "first", *, without_champion: bool = False, dry_run: bool = False
    ) -> Request:
        """File and return a request."""
        return file_request(
            self.store,
            self.spec.model,
            kind="person",
            reason=f"Requested by a test: {unique}.",
            at="2013-04-01T00:00:00+00:00",
            by="ada",
            unique=unique,
            without_champion=without_champion,
            dry_run=dry_run,
        )

    def snapshot(self, request: Request) -> RunRecord:
        """Run snapshot."""
        return snapshot(self.spec, self.dataset, tables=self.tables, **self._common(request))

    def search(
        self, request: Request, worker: int, *, tools: SearchTools | None = None
    ) -> RunRecord:
        """Run search."""
        return search(
            self.spec,
            self.dataset,
            worker=worker,
            tables=self.tables,
            learner=self.learner,
            tools=tools or search_tools(),
            **self._common(request),
        )

    def train(
        self,
        request: Request,
        *,
        learner: Learner | None = None,
        tools: SearchTools | None = None,
    ) -> RunRecord:
        """Run train."""
        return train(
            self.spec,
            self.dataset,
            tables=self.tables,
            learner=learner or self.learner,
            tracking=self.tracking,
            code=self.code,
            tools=tools or search_tools(),
            **self._common(request),
        )

    def evaluate(self, request: Request) -> RunRecord:
        """Run evaluate."""
        return evaluate(
            self.spec,
            self.dataset,
            tables=self.tables,
            registry=self.registry,
            tracking=self.tracking,
            load=self.load,
            tools=gate_tools(),
            **self._common(request),
        )

    def gate(self, request: Request) -> RunRecord:
        """Run gate."""
        return gate_challenger(self.spec, **self._common(request))

    def refit(self, request: Request, *, make_learner: MakeLearner = SklearnLearner) -> RunRecord:
        """Run refit."""
        tools = RefitTools(
            *(self.tables, make_learner, self.tracking, load_package, measure, self.code),
            tell=lambda _: None,
        )
        return refit(self.spec, tools=tools, **self._common(request))

    def promote(self, request: Request) -> RunRecord:
        """Run promote."""
        return promote_challenger(
            self.spec, registry=self.registry, signing=self.signing, **self._common(request)
        )

    def until_gate(self, request: Request) -> RunRecord:
        """Run snapshot, train, evaluate and gate; the gate's record."""
        self.snapshot(request)
        self.train(request)
        self.evaluate(request)
        return self.gate(request)

    def champion(self, unique: str = "first") -> int:
        """Version of a champion trained on the current tables."""
        request = self.ask(unique)
        self.until_gate(request)
        if self.spec.training.ship == "refit":
            self.refit(request)
        version = int(self.promote(request).verdict.numbers["version"] or 0)
        self.registry.set_alias(self.spec.model, "champion", version)
        return version

    def _common(self, request: Request) -> dict[str, Any]:
        return {"request": request, "context": RunContext(self.store, ORIGIN)}


def spec(**changes: Any) -> ModelSpec:
    """The ferries' model with limits that few rows meet."""
    value = ferry_dataset.model().model_dump()
    value["training"] = {"holdout_days": 10, "min_rows": 500}
    value["gates"] = {
        "min_holdout_rows": 100,
        "metrics": {"roc_auc": {"threshold": 0.55, "compare": "point", "min_absolute_change": 0.0}},
    }
    return ModelSpec.model_validate(value | changes)


class InterruptedLearner:
    """A learner that runs a callback before it fits.

    Args:
        env: Environment to learn in.
        event: Called before the model is fitted.
    """

    def __init__(self, env: TrainingEnv, event: Callable[[], Any]) -> None:
        self._learner = SklearnLearner(env.spec, env.dataset, None)
        self._event = event

    def holdout_start(self, rows: pd.DataFrame) -> datetime | None:
        """None: the spec's holdout applies."""
        del rows

    def learn(
        self,
        rows: pd.DataFrame,
        *,
        classes: Sequence[Label] | None = None,
        calibrate_on: pd.DataFrame | None = None,
        rounds: Rounds | None = None,
    ) -> FittedModel:
        """Run the callback, then fit."""
        self._event()
        return self._learner.learn(rows, classes=classes, calibrate_on=calibrate_on, rounds=rounds)
