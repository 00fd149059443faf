"""Which partitions are due, and what scoring one leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.delta_tables import DeltaTables, ScoreTable
from slipway.errors import BadParameter, BadRequest, NotFound
from slipway.records.attempts import Attempt
from slipway.records.desired_state import BATCH_FOLDER, write_desired
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import Store
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.monitor.windows import parse_window
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.platform import Served
from slipway.stages.score import partitions
from slipway.stages.score import score as scoring
from slipway.stages.score.partitions import DuePartitions, Scoring
from tests.fakes.memory_store import MemoryStore
from tests.support import ferry_dataset

MARCH = datetime(2013, 3, 1, tzinfo=UTC)
JUNE = datetime(2013, 6, 1, tzinfo=UTC)
TRAINED_UNTIL = "2013-03-20T00:00:00+00:00"


@dataclass(frozen=True)
class Windy:
    """A version that scores by the wind alone."""

    factor: float

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What it takes."""
        kinds = {"wind": "number", "port": "string"}
        return {"features": [{"name": name, "kind": kind} for name, kind in kinds.items()]}

    def predict(self, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
        """The wind, times its factor."""
        if (frame["wind"] < 0).any():
            raise BadRequest("the model cannot score these rows", where="column wind")
        return frame["wind"].to_numpy() * self.factor


@dataclass
class Harbour:
    """One batch model with its tables.

    Attributes:
        root: Of the tables.
        spec: The model's.
        dataset: The dataset's.
        store: Records.
        versions: Version to its tags.
        champion: The champion's number.
        served: The number that is in force.
    """

    root: Path
    spec: ModelSpec
    dataset: DatasetSpec
    store: Store = field(default_factory=MemoryStore)
    versions: dict[int, dict[str, str]] = field(default_factory=dict)
    champion: int | None = None
    in_force: int | None = None

    @property
    def tables(self) -> DeltaTables:
        """The features."""
        return DeltaTables(str(self.root))

    @property
    def scores(self) -> ScoreTable:
        """What was scored."""
        return ScoreTable(str(self.root))

    def crown(self, version: int, *, trained_until: str = TRAINED_UNTIL) -> None:
        """Make a version champion, and let it score."""
        self.versions[version] = {"slipway.training_end": trained_until}
        self.champion = self.in_force = version
        token = len(self.versions)
        weights = {version: 1.0}
        write_desired(
            self.store, "tide", weights=weights, keep=[], token=token, folder=BATCH_FOLDER
        )

    def publish(
        self,
        rows: pd.DataFrame,
        *,
        batch: str,
        revision: int = 1,
        available_at: datetime | None = None,
    ) -> None:
        """Publish features as one batch, which landed when its last row happened, or later."""
        ref = RunRef("ferries", f"{batch}-{revision}", "ingest")
        self.store.create(f"{ref.folder}/attempt-0001.json", b"{}")
        features = rows[["crossing", "departs", "wind", "port"]]
        self.tables.publish(
            "ferries/features",
            features.assign(_available_at=available_at or rows["departs"].max()),
            batch=batch,
            writer=ref.folder,
            attempt=Attempt(self.store, ref, 1),
            note={},
        )

    def due(self, *asked: str) -> DuePartitions:
        """What is to be scored."""
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
        """Names of the partitions that are to be scored."""
        return [one.window.name for one in self.due(*asked).scorings]

    def score(self, one: Scoring) -> RunRecord:
        """Score one partition."""
        return scoring.score(
            self.spec,
            self.dataset,
            scoring=one,
            context=RunContext(self.store, {}),
            tables=self.tables,
            scores=self.scores,
            registry=self,
            load=lambda folder: Windy(float(folder.name)),
        )

    def score_all(self, *asked: str) -> list[RunRecord]:
        """Score all that is due, or asked for."""
        return [self.score(one) for one in self.due(*asked).scorings]

    def alias(self, model: str, alias: str) -> ModelVersion | None:
        """The champion."""
        known = alias == "champion" and self.champion is not None
        return self.version(model, self.champion or 0) if known else None

    def version(self, model: str, version: int) -> ModelVersion:
        """One version."""
        if version not in self.versions:
            raise NotFound("there is no such version")
        made = datetime(2026, 1, 1, tzinfo=UTC)
        return ModelVersion(model, version, "run", "models:/m", self.versions[version], made)

    def download(self, model: str, version: int, to: Path) -> Path:
        """A folder that bears the version's number."""
        del model
        return to / str(version)

    def served(self, model: str) -> Served | None:
        """The version that is in force."""
        del model
        if self.in_force is None:
            return None
        return Served({self.in_force: 1.0}, {self.in_force: True}, (), 1)


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    """Features of March, April and May 2013, in monthly batches; no champion yet."""
    batch = {"target": "batch", "batch": {"chunk_rows": 100}}
    value = ferry_dataset.model().model_dump() | {"model": "tide", "deployment": batch}
    made = Harbour(tmp_path, ModelSpec.model_validate(value), ferry_dataset.dataset())
    rows = ferry_dataset.crossings(days=92, start=MARCH)
    for month, part in rows.groupby(rows["departs"].dt.strftime("%Y-%m")):
        made.publish(part, batch=str(month))
    return made


def april(**changes: Any) -> pd.DataFrame:
    """Some of April's rows, delivered once more, with changes."""
    rows = ferry_dataset.crossings(days=92, start=MARCH)
    return rows[rows["departs"].dt.month == 4].head(50).assign(**changes)


def test_without_a_champion_nothing_is_due(harbour: Harbour) -> None:
    """A model that is not rolled out yet scores nothing, and says so."""
    assert harbour.due() == DuePartitions((), "no version is champion yet")


def test_while_another_version_is_in_force_nothing_is_due(harbour: Harbour) -> None:
    """A rollout is on its way; its candidate's scores may never be wanted."""
    harbour.crown(1)
    harbour.in_force = 2
    assert harbour.names() == []
    assert "version 2 is served and version 1 is champion" in harbour.due().reason


def test_before_any_features_nothing_is_due(tmp_path: Path, harbour: Harbour) -> None:
    """An empty table is no mistake."""
    harbour.root = tmp_path / "elsewhere"
    harbour.crown(1)
    assert harbour.names() == []


def test_what_follows_the_first_training_is_due_once(harbour: Harbour) -> None:
    """The month of its holdout, and all later ones; what it was trained on is not."""
    harbour.crown(1, trained_until="2013-04-10T00:00:00+00:00")
    assert harbour.names() == ["2013-04", "2013-05"]
    records = harbour.score_all()
    assert [one.verdict.action for one in records] == ["scored", "scored"]
    assert [one.verdict.numbers["rows"] for one in records] == [30 * 40, 31 * 40]
    assert harbour.names() == []
    assert harbour.score_all("2013-04", "2013-05") == records


def test_a_row_bears_what_made_it(harbour: Harbour) -> None:
    """Key, event time, score, version, wall time, and the raw features."""
    harbour.crown(2)
    harbour.score_all()
    found = harbour.scores.read("tide")
    expected = ferry_dataset.crossings(days=92, start=MARCH).set_index("crossing")
    known = expected.loc[found["key"]]
    assert len(found) == len(expected)
    assert np.array_equal(found["score"], known["wind"] * 2)
    assert np.array_equal(found["port"], known["port"])
    assert np.array_equal(found["event_time"], known["departs"])
    assert set(found["version"]) == {2}
    assert (pd.Timestamp.now(tz="UTC") - found["scored_at"] < timedelta(minutes=5)).all()


def test_personal_columns_stay_out(harbour: Harbour) -> None:
    """The model is given them; the table that many read is not."""
    value = harbour.dataset.model_dump()
    value["streams"]["features"]["columns"]["port"]["pii"] = "hash"
    harbour.dataset = DatasetSpec.model_validate(value)
    harbour.crown(1)
    harbour.score_all()
    assert "port" not in harbour.scores.read("tide")


def test_a_revised_batch_is_scored_again(harbour: Harbour) -> None:
    """Only its own partition: the others' files are the same."""
    harbour.crown(1)
    harbour.score_all()
    harbour.publish(april(wind=1.0), batch="2013-04", revision=2)
    assert harbour.names() == ["2013-04"]
    harbour.score_all()
    assert harbour.names() == []
    assert harbour.scores.count("tide", version=1) == (31 + 31) * 40 + 50


def test_a_key_that_was_delivered_again_counts_once(harbour: Harbour) -> None:
    """As it was delivered last, in whichever batch, as training takes it."""
    harbour.crown(1)
    harbour.publish(april(wind=1.0), batch="late", available_at=JUNE)
    (record,) = [one for one in harbour.score_all() if "2013-04" in one.ref.run]
    assert record.verdict.numbers["rows"] == 30 * 40
    assert record.verdict.numbers["replaced_rows"] == 50
    found = harbour.scores.read("tide").set_index("key")
    assert found.index.is_unique
    assert set(found.loc[april()["crossing"], "score"]) == {1.0}


def test_a_new_champion_leaves_what_was_scored(harbour: Harbour) -> None:
    """It scores what comes, and what a person asks for, again and again if something else did."""
    harbour.crown(1)
    harbour.score_all()
    harbour.crown(2, trained_until="2013-05-20T00:00:00+00:00")
    assert harbour.names() == []
    assert harbour.names("2013-04") == ["2013-04"]
    (second,) = harbour.score_all("2013-04")
    assert harbour.scores.count("tide", version=2) == 30 * 40
    harbour.crown(1)
    (back,) = harbour.score_all("2013-04")
    assert back.ref.run.endswith("-v1-2")
    assert harbour.scores.count("tide", version=2) == 0
    harbour.crown(2)
    (again,) = harbour.score_all("2013-04")
    assert again.ref.run == f"{second.ref.run}-2"
    assert harbour.score_all("2013-04") == [again]


def test_scoring_that_was_put_off_is_made_up_for(harbour: Harbour) -> None:
    """Due is counted from the first version's training, whoever is champion by now."""
    harbour.crown(1)
    harbour.crown(2, trained_until="2013-05-20T00:00:00+00:00")
    assert harbour.names() == ["2013-03", "2013-04", "2013-05"]


def test_a_stretch_without_rows_is_done_with_once(harbour: Harbour) -> None:
    """A file's span says nothing about gaps within it; the record does."""
    rows = ferry_dataset.crossings(days=70, start=JUNE)
    harbour.publish(rows[rows["departs"].dt.month != 7], batch="summer")
    harbour.crown(1)
    by_name = {one.inputs["partition"]: one.verdict.numbers["rows"] for one in harbour.score_all()}
    assert by_name["2013-07"] == 0
    assert harbour.names() == []
    assert harbour.score_all("2013-07")[0].verdict.numbers["rows"] == 0


def test_a_partition_whose_features_went_is_emptied(harbour: Harbour) -> None:
    """Scores of rows that are no more would mislead."""
    harbour.crown(1)
    harbour.score_all()
    june = ferry_dataset.crossings(days=5, start=JUNE)
    harbour.publish(june, batch="2013-05", revision=2)
    assert harbour.names() == ["2013-05", "2013-06"]
    harbour.score_all()
    assert harbour.names() == []
    may = datetime(2013, 5, 1, tzinfo=UTC)
    assert harbour.scores.count("tide", may, may + timedelta(days=31)) == 0


def test_what_was_overtaken_is_left_to_the_next_run(harbour: Harbour) -> None:
    """The features that were listed are not there any more, and others are due."""
    harbour.crown(1)
    listed = {one.window.name: one for one in harbour.due().scorings}
    harbour.publish(april(), batch="2013-04", revision=2)
    verdict = harbour.score(listed["2013-04"]).verdict
    assert verdict.action == "overtaken"
    assert "2013-04" in harbour.names()


def test_rows_that_cannot_be_scored_stop_the_run(harbour: Harbour) -> None:
    """Half a partition is worse than the one before it."""
    harbour.crown(1)
    harbour.score_all()
    before = harbour.scores.read("tide")
    harbour.publish(april(wind=-1.0), batch="late", available_at=JUNE)
    with pytest.raises(BadRequest, match="cannot score these rows"):
        harbour.score_all()
    pd.testing.assert_frame_equal(harbour.scores.read("tide"), before)


def test_days_are_partitions_too(harbour: Harbour) -> None:
    """Then a batch of a month is so many partitions; and months may not lie beside them."""
    months = harbour.spec
    value = months.model_dump()
    value["deployment"]["batch"]["partition"] = "day"
    harbour.spec = ModelSpec.model_validate(value)
    harbour.crown(1, trained_until="2013-05-25T12:00:00+00:00")
    assert harbour.names() == [f"2013-05-{day}" for day in range(25, 32)]
    assert harbour.names("2013-04-03") == ["2013-04-03"]
    harbour.score(harbour.due("2013-04-03").scorings[0])
    assert harbour.scores.count("tide") == 40
    harbour.spec = months
    with pytest.raises(BadParameter, match="not the name of a month"):
        harbour.due()


def test_a_run_is_named_by_its_inputs(harbour: Harbour) -> None:
    """And its name says all that is needed to do it."""
    one = Scoring(parse_window("2013-05", "month"), "0123456789ab", 3, 2)
    assert one.run == "score-2013-05-0123456789ab-v3-2"
    assert partitions.parse_scoring(one.run, harbour.spec) == one
    for wrong in ("score-2013-05", "score-2013-13-0123456789ab-v3", "window-2013-05-v3"):
        with pytest.raises(BadParameter):
            partitions.parse_scoring(wrong, harbour.spec)
    harbour.crown(1)
    with pytest.raises(BadParameter, match="nothing to score from 2014-01 to 2014-02"):
        harbour.due("2014-01", "2014-02")
