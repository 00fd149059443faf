"""Scores of a batch model whose rows have a derived key and event time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd

from slipway.spec import DatasetSpec, ModelSpec
from tests.support import ferry_dataset
from tests.support.batch_scoring_env import MARCH, BatchScoringEnv


def env_of(folder: Path) -> BatchScoringEnv:
    """Ferries by port and crossing, at a moment of two columns."""
    value = ferry_dataset.dataset().model_dump()
    features, labels = (value["streams"][one]["columns"] for one in ("features", "labels"))
    features |= {"day": {"type": "string"}, "clock": {"type": "string"}}
    labels |= {"port": {"type": "string"}}
    value |= {"key": ["port", "crossing"], "event_time": {"date": "day", "time": "clock"}}
    batch = {"target": "batch", "batch": {"partition": "day", "chunk_rows": 3}}
    spec = ferry_dataset.model().model_dump() | {"model": "tide", "deployment": batch}
    return BatchScoringEnv(
        folder, ModelSpec.model_validate(spec), DatasetSpec.model_validate(value)
    )


def test_scores_have_the_derived_key_and_move_with_the_derived_time(tmp_path: Path) -> None:
    """A key that moved to another day leaves no score behind."""
    env = env_of(tmp_path)
    rows = pd.DataFrame(
        {
            "_key": [f"Oban|{place}" for place in range(6)],
            "_event_time": [MARCH + timedelta(days=place // 3) for place in range(6)],
            "wind": [float(place) for place in range(6)],
            "port": "Oban",
        }
    )
    env.publish(rows, batch="first")
    env.crown(1, trained_until="2013-01-01T00:00:00+00:00")
    env.score_all()
    moved = rows.head(1).assign(_event_time=MARCH + timedelta(days=1), wind=9.0)
    env.publish(moved, batch="second")
    env.score_all()
    scored = env.scores.read("tide")
    assert dict(zip(scored["key"], scored["score"], strict=True)) == {
        **dict(zip(rows["_key"], rows["wind"], strict=True)),
        "Oban|0": 9.0,
    }
    times = scored.set_index("key")["event_time"]
    assert times["Oban|0"] == MARCH + timedelta(days=1)
