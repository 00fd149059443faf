"""A model with versions 1 to 4 in the stages of a rollout, on fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from slipway.records.leases import find_lease, renew
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.serving.v2.signature import Signature
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.promote_champion import promote_champion
from slipway.stages.rollout.reconcile import reconcile
from slipway.stages.rollout.shift import shift
from slipway.stages.rollout.switch import switch
from slipway.stages.rollout.verify import verify
from tests.fakes.memory_store import MemoryStore
from tests.fakes.rollout import FakePlatform
from tests.fakes.rollout_registry import FakeRegistry

MODEL = "delay"
SIGNATURE = Signature(
    (RawColumn("distance", "number", required=True), RawColumn("origin", "string", required=False)),
    key="id",
    event_time="at",
)
DATASET = DatasetSpec.model_validate(
    {
        "dataset": "flights",
        "key": "id",
        "event_time": "at",
        "streams": {
            "features": {
                "columns": {
                    "id": {"type": "string", "nullable": False},
                    "at": {"type": "timestamp", "nullable": False},
                    "distance": {"type": "number", "nullable": False},
                    "origin": {"type": "string"},
                }
            },
            "labels": {"columns": {"id": {"type": "string"}, "late": {"type": "integer"}}},
        },
    }
)
STEPPED = ["roll_out", "verified", "shifted", "shifted", "switched", "promoted"]
SPEC = ModelSpec.model_validate(
    {
        "model": MODEL,
        "dataset": "flights",
        "task": "classification",
        "target": "late",
        "features": {"numeric": ["distance"], "categorical": ["origin"]},
        "estimator": {"name": "sklearn.linear_model.LogisticRegression"},
        "gates": {"metrics": {"roc_auc": {"threshold": 0.5}}},
        "deployment": {"verify": {"replay_rows": 20}},
        "monitoring": {"performance": {"metric": "roc_auc", "max_absolute_drop": 0.05}},
    }
)


class OfflinePackage:
    """A package that scores like a version of the fake platform."""

    signature_columns = SIGNATURE.columns
    manifest: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, version: int) -> None:
        self._version = version

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """A score by version, distance and whether the origin is known."""
        known = frame["origin"].notna().to_numpy()
        return np.asarray(score(self._version, frame["distance"], known))


def score(version: int, distance: Any, known: Any) -> Any:
    """Score of a version for some rows."""
    return version / 10 + np.asarray(distance, dtype=float) / 10_000 + np.asarray(known) / 100


class FeatureRows:
    """The features table of 100 rows, one an hour; every tenth has no origin."""

    def __init__(self) -> None:
        start = datetime(2013, 1, 1, tzinfo=UTC)
        self.rows = pd.DataFrame(
            {
                "id": [f"f{number}" for number in range(100)],
                "at": [start + timedelta(hours=number) for number in range(100)],
                "distance": np.arange(100.0),
                "origin": ["EWR" if number % 10 else None for number in range(100)],
                "_batch": "b1",
                "_delivery": 1,
            }
        )

    def version(self, _table: str) -> int:
        """The only version."""
        return 1

    def columns(self, _table: str, *, version: int) -> tuple[str, ...]:
        """Names of the columns."""
        del version
        return tuple(self.rows.columns)

    def newest(self, _table: str, column: str) -> datetime | None:
        """Largest value of a column."""
        return None if self.rows.empty else self.rows[column].max().to_pydatetime()

    def count(self, _table: str, *, present: str | None = None) -> int:
        """Number of rows, each of which counts as one with a label."""
        del present
        return len(self.rows)

    def read(
        self,
        _table: str,
        *,
        version: int = 1,
        columns: Sequence[str] | None = None,
        where: Any = (),
    ) -> pd.DataFrame:
        """Rows since a time, or of some keys."""
        del version
        [(column, comparison, value)] = where
        found = self.rows[column]
        kept = self.rows[found.isin(value) if comparison == "in" else found >= value]
        return kept if columns is None else kept[list(columns)]


def evidence(version: int, champion: int, *, ratio: float = 1.0) -> dict[str, str]:
    """Tags of a version whose gates compared it with a champion."""
    return {
        "slipway.compared_with": f"version {champion}",
        "slipway.disagreement": repr(ratio * abs(version - champion) / 10),
        "slipway.disagreement.spread": "0.01",
        "slipway.disagreement.correlation": "1.0",
    }


@dataclass
class RolloutEnv:
    """A model with versions 1 to 4, of which 2 is champion and served.

    Attributes:
        spec: Spec of the model.
        store: Records and leases.
        registry: Aliases and tags.
        tables: Rows for the replay.
        load: Loads a version's folder.
        requests_a_second: Rate of clients' requests while a step waits.
        now: Seconds on the clock.
        origin: Origin of every stage.
    """

    spec: ModelSpec = SPEC
    store: MemoryStore = field(default_factory=MemoryStore)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    tables: FeatureRows = field(default_factory=FeatureRows)
    load: Callable[[Path], Any] = field(
        default=lambda folder: OfflinePackage(int((folder / "version").read_text()))
    )
    requests_a_second: int = 100
    now: float = 0.0
    origin: Mapping[str, str] = field(default_factory=lambda: {"dag_id": "delay__deploy"})

    def __post_init__(self) -> None:
        """Serve version 2."""
        self.registry.tags = {number: evidence(number, 2) for number in range(1, 5)}
        self.registry.tags[2] = evidence(2, 1)
        self.registry.aliases = {"champion": 2, "previous": 1}

        def scores(version: int) -> Any:
            return lambda inputs: score(
                version,
                inputs.columns["distance"],
                [value is not None for value in inputs.columns["origin"]],
            ).tolist()

        models = {number: scores(number) for number in range(1, 5)}
        self.platform = FakePlatform(self.store, SIGNATURE, models)
        self.platform.apply(MODEL, weights={2: 1.0}, keep=[1], token=0)

    def reconcile(
        self,
        to: str = "challenger",
        *,
        holder: str = "run-1",
        asked_at: datetime | None = None,
        ended: str | None = None,
    ) -> RunRecord:
        """Run the first stage; while it waits for another rollout, the clock advances."""
        return reconcile(
            self.spec,
            **self._ports(),
            holder=holder,
            to=to,
            asked_at=asked_at,
            ended=ended,
            sleep=self.sleep,
        )

    def verify(self, run: str) -> RunRecord:
        """Run the second stage."""
        return verify(
            self.spec, DATASET, **self._ports(), rollout=run, tables=self.tables, load=self.load
        )

    def shift(self, run: str, step: int) -> RunRecord:
        """Run one step, while clients send requests."""
        return shift(
            self.spec,
            **self._ports(),
            rollout=run,
            step=step,
            clock=lambda: self.now,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        """Advance the clock, with clients' requests in the meantime."""
        self.now += seconds
        self.platform.receive(MODEL, round(seconds * self.requests_a_second))

    def switch(self, run: str) -> RunRecord:
        """Run the third stage."""
        return switch(self.spec, **self._ports(), rollout=run)

    def promote(self, run: str) -> RunRecord:
        """Run the last stage."""
        return promote_champion(self.spec, **self._ports(), rollout=run)

    def roll(
        self,
        to: str = "challenger",
        *,
        holder: str = "run-1",
        asked_at: datetime | None = None,
    ) -> list[str]:
        """Run every stage as the DAG does; the verdicts' actions without `unneeded`."""
        record = self.reconcile(to, holder=holder, asked_at=asked_at)
        actions = [record.verdict.action]
        steps = [partial(self.shift, step=step) for step in self.spec.deployment.shift.steps]
        for stage, good in (
            (self.verify, "verified"),
            *((step, "shifted") for step in steps),
            (self.switch, "switched"),
            (self.promote, "promoted"),
        ):
            if actions[-1] == "nothing":
                break
            action = stage(record.ref.run).verdict.action
            if action == "unneeded":
                continue
            actions.append(action)
            if action != good:
                break
        return actions

    def until_switch(self) -> str:
        """Run of a rollout of version 3 that has passed all stages before the switch."""
        self.registry.aliases["challenger"] = 3
        run = self.reconcile().ref.run
        self.verify(run)
        for step in self.spec.deployment.shift.steps:
            self.shift(run, step)
        return run

    def served(self) -> int | None:
        """Version that the platform serves."""
        found = self.platform.served(MODEL)
        return found.version if found else None

    def weights(self) -> dict[int, float]:
        """Share of the traffic by version."""
        found = self.platform.served(MODEL)
        return dict(found.weights) if found else {}

    def is_free(self) -> bool:
        """Whether the model's lease is free."""
        lease = find_lease(self.store, f"rollout-{MODEL}")
        return lease is None or lease.released

    def _ports(self) -> dict[str, Any]:
        return {
            "context": RunContext(self.store, self.origin),
            "registry": self.registry,
            "platform": self.platform,
        }


def verified(env: RolloutEnv) -> str:
    """Reconcile and verify the challenger; the rollout's run."""
    run = env.reconcile().ref.run
    assert env.verify(run).verdict.action == "verified"
    return run


def abandon(env: RolloutEnv) -> None:
    """Let the lease of the current rollout expire."""
    lease = find_lease(env.store, f"rollout-{MODEL}")
    assert lease is not None
    renew(env.store, lease, seconds=-1)
