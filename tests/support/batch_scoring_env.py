"""A batch model with its tables, versions and records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.delta_tables import DeltaTables, ScoreTable
from slipway.errors import BadRequest, NotFound
from slipway.records.attempts import Attempt
from slipway.records.desired_state import BATCH_FOLDER
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import Store
from slipway.records.write_state import write_desired
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.manifest import require_digest
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.package import LoadPackage
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.platform import Served
from slipway.stages.rollout.signed_states import StateTrust
from slipway.stages.score import partitions, score
from slipway.stages.score.partitions import DuePartitions, Scoring
from tests.fakes.memory_store import MemoryStore
from tests.support.rollout_leases import permit_states

MARCH = datetime(2013, 3, 1, tzinfo=UTC)
TRAINED_UNTIL = "2013-03-20T00:00:00+00:00"


@dataclass(frozen=True)
class WindModel:
    """A version whose score is the wind, or another number, times a factor."""

    factor: float
    column: str = "wind"

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Its features."""
        kinds = {self.column: "number", "port": "string"}
        return {"features": [{"name": name, "kind": kind} for name, kind in kinds.items()]}

    def predict(self, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
        """The number, times the factor."""
        if (frame[self.column] < 0).any():
            raise BadRequest("the model cannot score these rows", where=f"column {self.column}")
        return frame[self.column].to_numpy() * self.factor


@dataclass
class BatchScoringEnv:
    """A batch model with its tables, and the registry and platform ports that scoring reads.

    Attributes:
        root: Folder of the tables.
        spec: Spec of the model.
        dataset: Spec of the dataset.
        store: Holds records and the desired state.
        versions: Version to its tags.
        champion: The champion's number.
        in_force: Version of the desired state.
        deliveries: Number of the newest delivery.
        column: Number that a version scores by.
        load: Loads a version's folder; None: a version that scores by the column.
        trust: Keys that sign the desired state and have to; None: it is not signed.
    """

    root: Path
    spec: ModelSpec
    dataset: DatasetSpec
    store: Store = field(default_factory=MemoryStore)
    versions: dict[int, dict[str, str]] = field(default_factory=dict)
    champion: int | None = None
    in_force: int | None = None
    deliveries: int = 0
    column: str = "wind"
    load: LoadPackage | None = None
    trust: StateTrust | None = None

    @property
    def tables(self) -> DeltaTables:
        """The feature tables."""
        return DeltaTables(str(self.root))

    @property
    def scores(self) -> ScoreTable:
        """The score table."""
        return ScoreTable(str(self.root))

    def crown(
        self, version: int, *, trained_until: str = TRAINED_UNTIL, sha256: str | None = None
    ) -> None:
        """Make a version champion and the one in force, with a digest if one is given."""
        self.versions[version] = {"slipway.training_end": trained_until}
        self.champion = self.in_force = version
        token = len(self.versions)
        weights = {version: 1.0}
        if sha256 is not None:
            self.versions[version][DIGEST] = sha256
        permit_states(self.store, self.spec.model, *self.versions, up_to=token)
        write_desired(
            self.store,
            self.spec.model,
            weights=weights,
            keep=[],
            token=token,
            digests={version: sha256} if sha256 else None,
            folder=BATCH_FOLDER,
            keys=self.trust,
        )

    def publish(
        self,
        rows: pd.DataFrame,
        *,
        batch: str,
        revision: int = 1,
    ) -> None:
        """Publish features as one batch, as the next delivery."""
        self.deliveries += 1
        name = self.dataset.dataset
        ref = RunRef(name, f"{batch}-{revision}", "ingest")
        self.store.create(f"{ref.folder}/attempt-0001.json", b"{}")
        identity = self.dataset.identity
        known = [identity.key.column, identity.time.column, self.column, "port"]
        features = rows[known]
        self.tables.publish(
            f"{name}/features",
            [features.assign(_delivery=self.deliveries)],
            batch=batch,
            writer=ref.folder,
            attempt=Attempt(self.store, ref, 1),
            note={},
        )

    def due(self, *asked: str) -> DuePartitions:
        """Partitions that are due, or those that are requested by name."""
        return partitions.due_partitions(
            self.spec,
            self.dataset,
            store=self.store,
            tables=self.tables,
            scores=self.scores,
            registry=self,
            platform=self,
            asked=(asked[0], asked[-1]) if asked else None,
        )

    def names(self, *asked: str) -> list[str]:
        """Names of the partitions that are due, or requested."""
        return [one.window.name for one in self.due(*asked).scorings]

    def score(self, one: Scoring) -> RunRecord:
        """Score one partition."""
        return score.score(
            self.spec,
            self.dataset,
            scoring=one,
            context=RunContext(self.store, {}),
            tables=self.tables,
            scores=self.scores,
            registry=self,
            load=self.load or (lambda folder: WindModel(float(folder.name), self.column)),
            trust=self.trust,
        )

    def score_all(self, *asked: str) -> list[RunRecord]:
        """Score all partitions that are due, or requested."""
        return [self.score(one) for one in self.due(*asked).scorings]

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The champion; no other alias is known."""
        known = alias == "champion" and self.champion is not None
        return self.version(model, self.champion or 0) if known else None

    def version(self, model: str, version: int) -> ModelVersion:
        """A version with its tags."""
        if version not in self.versions:
            raise NotFound("there is no such version")
        made = datetime(2026, 1, 1, tzinfo=UTC)
        return ModelVersion(model, version, "run", "models:/m", self.versions[version], made)

    def download(self, model: str, version: int, to: Path, *, sha256: str | None = None) -> Path:
        """A folder named after the version."""
        found = self.version(model, version).tags.get(DIGEST)
        if found is not None:
            require_digest(model, version, wanted=sha256, found=found)
        return to / str(version)

    def served(self, model: str) -> Served | None:
        """The version that is in force."""
        del model
        if self.in_force is None:
            return None
        return Served({self.in_force: 1.0}, {self.in_force: True}, (), 1)
