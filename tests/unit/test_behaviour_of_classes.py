"""Behaviour tests of a model of several classes, and of whole numbers, on plain scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.spec.behaviour import Behaviour
from slipway.spec.behaviour_problems import behaviour_warnings
from slipway.spec.model import ModelSpec
from slipway.stages.gates.behaviour_tests import MOST_ROWS, Asked, Outcome, ask_all
from slipway.stages.ports.raw_column import RawColumn
from tests.support.training_env import spec

COLUMNS = (
    RawColumn("wind", "number", required=False, type="integer"),
    RawColumn("port", "string", required=False, type="string"),
)
CLASSES = ("calm", "choppy", "rough")


def _rows(count: int = 500) -> pd.DataFrame:
    random = np.random.default_rng(4)
    wind = pd.array(random.integers(0, 60, count), dtype="Int64")
    wind[::10] = pd.NA
    port = pd.array(random.choice(["Oban", "Mallaig"], count), dtype="string")
    return pd.DataFrame({"wind": wind, "port": port})


def _seas(rows: pd.DataFrame) -> np.ndarray:
    """Rougher with the wind; a missing one is calm; in Mallaig it is choppy by a tenth more."""
    wind = pd.to_numeric(rows["wind"], errors="coerce").astype("Float64").fillna(0.0)
    rough = np.clip(wind.to_numpy(float) / 60, 0, 1) * 0.8
    choppy = 0.1 + 0.1 * (rows["port"].astype("object") == "Mallaig").to_numpy(float)
    return np.column_stack([1 - rough - choppy, choppy, rough])


def _ask(tests: dict[str, Any], rows: pd.DataFrame | None = None) -> list[Outcome]:
    behaviour = Behaviour.model_validate(tests)
    return ask_all(behaviour, Asked(_rows() if rows is None else rows, COLUMNS, CLASSES, _seas, 7))


@pytest.mark.parametrize(
    ("of_class", "score", "fails"),
    [("rough", "not_lower", False), ("calm", "not_lower", True), ("calm", "not_higher", False)],
)
def test_a_direction_is_of_one_class(of_class: str, score: str, fails: bool) -> None:  # noqa: FBT001
    """Rows whose number is missing are not asked; whole numbers stay whole."""
    test = {"column": "wind", "by": 5, "score": score, "of_class": of_class}
    [found] = _ask({"direction": [test]})
    assert found.is_failed is fails
    assert found.rows == 450


def test_an_invariance_is_of_every_class() -> None:
    """The class that changes most counts."""
    test = {"column": "port", "max_change": 0.05}
    [found] = _ask({"invariance": [test]})
    assert found.share == pytest.approx(0.5, abs=0.1)
    assert not _ask({"invariance": [test | {"max_change": 0.1}]})[0].is_failed


def test_a_certain_row_is_of_one_class() -> None:
    """Features that it does not name are missing."""
    [found] = _ask({"minimum": {"gale": {"row": {"wind": 60}, "above": 0.7, "of_class": "rough"}}})
    assert not found.is_failed
    assert found.name == "the row gale has a score of rough above 0.7, found 0.8"


def test_a_class_that_the_model_does_not_know_is_not_computed() -> None:
    """As where its training rows had none of it."""
    [found] = _ask({"minimum": {"gale": {"row": {"wind": 60}, "above": 0.7, "of_class": "huge"}}})
    assert found.share is None


def test_a_sample_is_asked_of_a_large_holdout() -> None:
    """The same rows at every call."""
    rows = _rows(5_000)
    test = {"invariance": [{"column": "port", "max_change": 0.05}]}
    [first], [second] = _ask(test, rows), _ask(test, rows)
    assert first == second
    assert first.rows == MOST_ROWS


def test_tests_that_no_score_can_fail_are_warned_of() -> None:
    """Scores of classes lie between 0 and 1; those of a regression anywhere."""
    gates = {
        "metrics": {"roc_auc": {"threshold": 0.5}},
        "behaviour": {
            "invariance": [{"column": "port", "max_change": 1.0}],
            "direction": [{"column": "wind", "by": 1, "score": "not_lower", "tolerance": 2.0}],
            "minimum": {
                "all": {"row": {"wind": 1.0}, "below": 1.5},
                "none": {"row": {"wind": 1.0}, "above": 1.0},
                "fine": {"row": {"wind": 1.0}, "above": 0.5},
            },
        },
    }
    model: ModelSpec = spec(gates=gates)
    told = [one.partition(":")[0] for one in behaviour_warnings(model)]
    assert told == [
        "gates.behaviour.minimum.all",
        "gates.behaviour.minimum.none",
        "gates.behaviour.invariance.0.max_change",
        "gates.behaviour.direction.0.tolerance",
    ]
