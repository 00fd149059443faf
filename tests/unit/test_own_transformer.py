"""A model's own transformer: its place in the pipeline, and its fit."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.adapters.model_package.pipeline_py import import_pipeline_py
from slipway.spec.loading import load_dataset, load_model
from slipway.stages.ports.package import ReferenceRows

INCLUDE = Path(__file__).resolve().parents[2] / "include"
FOLDER = INCLUDE / "models" / "hourly_departures"
MODEL = load_model(FOLDER)
DATASET = load_dataset(INCLUDE / "datasets" / MODEL.dataset)
SOURCE = (FOLDER / "pipeline.py").read_text()
AIRPORTS = {"EWR": 2.0, "JFK": 5.0, "LGA": 3.0}


def hours(days: int = 56) -> pd.DataFrame:
    """Departures of three airports by hour: more by day, none on Sundays."""
    start = datetime(2013, 1, 7, tzinfo=UTC)
    times = pd.date_range(start, periods=days * 24, freq="h")
    rows = pd.DataFrame(
        [(time, origin) for time in times for origin in AIRPORTS], columns=["hour_start", "origin"]
    )
    clock = rows["hour_start"].dt
    random = np.random.default_rng(3)
    busy = rows["origin"].map(AIRPORTS) * (clock.hour > 5) * (clock.weekday < 6)
    numbers = {name: random.normal(size=len(rows)) for name in MODEL.features.numeric}
    return rows.assign(
        **numbers | {"local_hour": clock.hour, "local_weekday": clock.weekday},
        departures=busy + random.integers(0, 2, len(rows)),
    )


def typical(rows: pd.DataFrame, *, fitted: pd.DataFrame | None = None) -> Any:
    """Values that the model's transformer adds."""
    own = import_pipeline_py(MODEL.model, SOURCE).transformer()
    known = rows if fitted is None else fitted
    own.fit(known, known["departures"].to_numpy())
    return own.transform(rows)["typical"]


def test_it_runs_before_imputation_and_scaling() -> None:
    """Its column is imputed and scaled like any other column."""
    learned = SklearnLearner(MODEL, DATASET, SOURCE).learn(hours())
    steps = learned.package.pipeline.named_steps
    assert list(steps) == ["transformer", "prepare", "estimator"]
    assert "typical" in steps["prepare"].transformers_[0][2]


def test_a_stored_version_brings_its_own(tmp_path: Path) -> None:
    """It is loaded from the version's own source, and scores as before."""
    rows = hours()
    learned = SklearnLearner(MODEL, DATASET, SOURCE).learn(rows)
    reference = ReferenceRows(
        features=rows[MODEL.features.names],
        times=rows["hour_start"],
        scores=learned.predict(rows),
        held_out=np.zeros(len(rows), dtype=bool),
    )
    facts = {"model": MODEL.model, "task": MODEL.task, "key": "k", "event_time": "hour_start"}
    learned.save(tmp_path / "version", facts=facts, reference=reference)
    package = load_package(tmp_path / "version")
    own = import_pipeline_py(MODEL.model, SOURCE).__name__
    assert f"{own}.TypicalDepartures" in package.manifest["trusted_types"]
    assert np.array_equal(package.predict(rows), learned.predict(rows))


def test_the_typical_hour_is_that_of_its_place_and_day() -> None:
    """More by day than by night, more at the busy airport, almost none on Sundays."""
    rows = hours()
    found = rows.assign(typical=typical(rows)).groupby(["origin", "local_weekday", "local_hour"])
    means = found["typical"].mean()
    assert means["JFK", 1, 12] > means["EWR", 1, 12] > 1.5 > means["EWR", 1, 3]
    assert means["JFK", 6, 12] < means["JFK", 1, 12] / 2


def test_a_row_does_not_see_its_own_target_while_it_is_fitted() -> None:
    """An outlier does not raise its own typical value, but that of the others."""
    rows = hours()
    own = import_pipeline_py(MODEL.model, SOURCE).transformer()
    target = rows["departures"].to_numpy(dtype="float64", copy=True)
    before = own.fit_transform(rows, target)["typical"].iloc[500]
    target[500] += 1000
    after = own.fit_transform(rows, target)["typical"].iloc[500]
    assert after == pytest.approx(before)
    assert own.transform(rows)["typical"].iloc[500] > before + 10


def test_an_unknown_airport_is_given_the_mean_of_all() -> None:
    """An unseen airport is no error."""
    rows = hours()
    strange = rows[rows["origin"] == "LGA"].assign(origin="ISP")
    known = [typical(rows[rows["origin"] == name], fitted=rows).mean() for name in AIRPORTS]
    assert typical(strange, fitted=rows).mean() == pytest.approx(np.mean(known), abs=0.1)
