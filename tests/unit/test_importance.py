"""Importance of features: read from an evaluation, lenient with those that hardly count."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.drift.calibration import Calibration
from slipway.stages.monitor.drift.distances import Comparison
from slipway.stages.monitor.drift.importance import lenience, read_importance
from slipway.stages.monitor.drift.judge_drift import judge_drift
from slipway.stages.monitor.drift.usual_distance import Usual
from slipway.stages.ports.registry import ModelVersion
from tests.fakes.memory_store import MemoryStore
from tests.support import ferry_dataset
from tests.unit.test_drift import measured

VERSION = ModelVersion("ferry_delay", 1, "ferry_delay/request-000001", "", {}, datetime.now(UTC))


def store_with(table: str | None) -> MemoryStore:
    """The record of the version's evaluation."""
    store = MemoryStore()
    numbers = {} if table is None else {"explanations.table": table}
    ref = RunRef("ferry_delay", "request-000001", "evaluate")
    evaluated = Verdict("evaluated", "Measured.", numbers)
    perform(RunContext(store, {}), ref, lambda _: evaluated, inputs={})
    return store


def test_the_shares_are_those_of_the_evaluation() -> None:
    """The champion's shares beside them are of another version."""
    table = json.dumps([["wind", 0.8, 0.5], ["port", 0.2, None]])
    assert read_importance(store_with(table), VERSION) == {"wind": 0.8, "port": 0.2}


@pytest.mark.parametrize("store", [MemoryStore(), store_with(None), store_with("[[1]]")])
def test_without_a_table_nothing_is_weighed(store: MemoryStore) -> None:
    """Not measured, of another environment, or damaged."""
    assert read_importance(store, VERSION) == {}
    assert lenience({}, ["wind"]) == {}


def test_features_that_hardly_move_the_answers_may_be_twice_as_far_away() -> None:
    """Those with an equal part keep their limit; what the table leaves out shares the rest."""
    found = lenience({"wind": 0.7, "tide": 0.125}, ["wind", "tide", "port", "day"])
    assert found["wind"] == 1
    assert found["tide"] == pytest.approx(2**0.5)
    assert found["port"] == found["day"] == pytest.approx((0.25 / 0.0875) ** 0.5)
    assert lenience({"wind": 1.0}, ["wind", "port"])["port"] == 2


def test_no_limit_is_ever_lower_than_without_importances() -> None:
    """So the promised rate of false alarms holds."""
    assert min(lenience({"a": 0.9, "b": 0.1}, ["a", "b", "c"]).values()) == 1


def judged(**lenient: float) -> Verdict:
    """A window whose columns are 1.5 times their limit away."""
    usual = dict.fromkeys(("wind", "port", "score"), Usual(0.5, 0.25, power=1.0))
    comparison = Comparison(
        900,
        9000,
        [],
        dict.fromkeys(usual, 2.25),
        Calibration(20, 500, usual, 4.0, alarm_rate=0.01, resolved_rate=1 / 21),
        answers=("score",),
        lenience=lenient,
    )
    return judge_drift(comparison, ferry_dataset.model().monitoring)


def test_an_unimportant_feature_drifts_further_away_and_says_so() -> None:
    """The columns that count come first; predictions are a signal of their own."""
    verdict = judged(port=2.0)
    assert verdict.action == "drifting"
    assert "port" not in verdict.reason
    assert "prediction drift: score is 4.5 times" in verdict.reason
    assert verdict.numbers["feature_drift"] == verdict.numbers["prediction_drift"] == 1.5
    assert verdict.numbers["lenience.port"] == 2
    verdict = judged(port=1.2)
    assert (
        "port is 4.5 times its usual distance from the reference (limit 3.6, 1.2 times as far"
        in (verdict.reason)
    )


def test_a_window_is_judged_by_the_importances_of_its_version() -> None:
    """A changed unit of a feature that moves nothing is allowed twice the distance."""
    table = json.dumps([["port", 1.0, None], ["wind", 0.0, None]])
    verdict = measured(lambda rows: rows.assign(wind=rows["wind"] * 1.05), store=store_with(table))
    assert verdict.verdict.numbers["lenience.wind"] == 2


def test_quality_is_weighed_by_nothing() -> None:
    """A column that moves no answer and has no values is drift all the same."""
    table = json.dumps([["port", 1.0, None], ["wind", 0.0, None]])
    verdict = measured(lambda rows: rows.assign(wind=None), store=store_with(table)).verdict
    assert verdict.action == "drifting"
    assert "wind has no values" in verdict.reason
