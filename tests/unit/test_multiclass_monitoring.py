"""A batch model of several classes: scored into a real table, its performance and drift watched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.drift_report import DriftReports
from slipway.adapters.model_package import load_package
from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.drift.measure_drift import measure_drift
from slipway.stages.monitor.performance.measure_performance import measure_performance
from slipway.stages.ports.registry import Registry
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables
from tests.support import ferry_dataset, sea_states
from tests.support.batch_scoring_env import MARCH, BatchScoringEnv
from tests.support.performance_tools import performance_tools
from tests.support.training_env import ORIGIN

CLASSES = list(sea_states.STATES)
WINDOW = "2013-04-v1"


@dataclass(frozen=True)
class Scored:
    """April, scored by version 1 into a score table."""

    env: BatchScoringEnv
    registry: Registry
    rows: pd.DataFrame

    def performance(self, labels: pd.DataFrame) -> Verdict:
        """The performance of April by these labels."""
        tables = MemoryTables()
        ferry_dataset.publish(tables, self.rows, labels=labels)
        return measure_performance(
            self.env.spec,
            self.env.dataset,
            window=WINDOW,
            context=RunContext(MemoryStore(), ORIGIN),
            registry=self.registry,
            tables=tables,
            log=self.env.scores,
            tools=performance_tools(),
        ).verdict


def scored(folder: Path, *, storm: float = 1.0) -> Scored:
    """A version trained on January and February, and its scores of April's crossings.

    Args:
        folder: Folder of models and tables.
        storm: Factor of April's wind.
    """
    batch = {"target": "batch", "batch": {"chunk_rows": 500}}
    training = sea_states.env(folder / "models", deployment=batch)
    training.champion()
    version = training.registry.download("ferry_delay", 1, folder / "version")
    env = BatchScoringEnv(
        folder / "store", training.spec, training.dataset, load=lambda _: load_package(version)
    )
    rows = ferry_dataset.crossings(days=61, start=MARCH, seed=2)
    rows = rows.assign(wind=rows["wind"] * storm)
    rows["late"] = sea_states.states(rows)
    env.publish(rows, batch="spring")
    env.crown(1)
    records = env.score_all("2013-04")
    assert [one.verdict.action for one in records] == ["scored"]
    return Scored(env, training.registry, rows)


@pytest.fixture(scope="module")
def april(tmp_path_factory: pytest.TempPathFactory) -> Scored:
    """April as usual."""
    return scored(tmp_path_factory.mktemp("april"))


def test_a_scored_row_has_its_label_and_the_score_of_each_class(april: Scored) -> None:
    """In the order of the version's classes; the label has the largest score."""
    found = april.env.scores.read("ferry_delay")
    assert len(found) == 30 * ferry_dataset.ROWS_PER_DAY
    scores = np.array(found["scores"].tolist())
    assert scores.shape == (len(found), 3)
    assert np.allclose(scores.sum(axis=1), 1.0)
    assert found["label"].tolist() == [CLASSES[code] for code in scores.argmax(axis=1)]
    assert "score" not in found


def test_performance_of_several_classes_is_measured(april: Scored) -> None:
    """Against the labels that landed, by the pinned classes, beside the constant shares."""
    verdict = april.performance(april.rows)
    assert verdict.action == "ok", verdict.reason
    assert float(verdict.numbers["f1_macro"] or 0) > 0.6
    assert float(verdict.numbers["constant"] or 0) < 0.4
    assert "unseen_class" not in verdict.numbers


def test_a_class_that_comes_later_is_counted_told_and_decays(april: Scored) -> None:
    """Each of its labels is a wrong answer; nothing crashes, and its text is not told."""
    labels = april.rows.copy()
    labels.loc[labels.index[::3], "late"] = "waterspout"
    verdict = april.performance(labels)
    assert verdict.action == "decayed"
    assert verdict.numbers["unseen_class"] == 400
    assert "400 labels are of a class that the version was not trained for" in verdict.reason
    assert "waterspout" not in verdict.reason


def drift(april: Scored) -> Verdict:
    """The drift of April, by Evidently."""
    return measure_drift(
        april.env.spec,
        april.env.dataset,
        window=WINDOW,
        context=RunContext(april.env.store, ORIGIN),
        registry=april.registry,
        log=april.env.scores,
        reports=DriftReports(),
    ).verdict


def test_shares_of_classes_and_scores_are_compared(april: Scored) -> None:
    """Every score and the label have a distance, and the page shows them."""
    verdict = drift(april)
    assert verdict.action == "ok", verdict.reason
    page = april.env.store.read(verdict.evidence["report"]).decode()
    for name in ("label", *(f"score of {one}" for one in CLASSES)):
        assert name in page


def test_another_share_of_classes_is_drift(tmp_path: Path) -> None:
    """A stormy month has other labels and scores."""
    verdict = drift(scored(tmp_path, storm=2.0))
    assert verdict.action == "drifting", verdict.reason
    compared = [name for name in verdict.numbers if name.startswith("distance.")]
    assert {"distance.label", "distance.score of calm"} & set(compared)
