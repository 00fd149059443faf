"""Agreement of a candidate with its own and the champion's predictions, before any traffic."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from slipway.errors import BadRequest
from slipway.spec.deployment import Verify
from slipway.stages.model.agreement import compare_with_champion, max_difference, measure_agreement
from tests.support.rollout_env import OfflinePackage, RolloutEnv, evidence

BARS = Verify()
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=50)


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def refusal(env: RolloutEnv) -> str:
    """Reason of the challenger's refusal; the champion serves on."""
    record = env.verify(env.reconcile().ref.run)
    assert record.verdict.action == "refused"
    assert env.weights() == {2: 1.0}
    assert env.registry.tags[3]["slipway.rollout"] == "refused"
    assert env.is_free()
    return record.verdict.reason


def learnt(env: RolloutEnv, change: Any) -> None:
    """Replace version 3 by another model, offline and where it is served."""

    class Changed(OfflinePackage):
        def predict(self, frame: pd.DataFrame) -> np.ndarray:
            return np.asarray(change(super().predict(frame)))

    load = env.load
    env.load = lambda folder: (
        Changed(3) if (folder / "version").read_text() == "3" else load(folder)
    )
    before = env.platform.models[3]
    env.platform.models[3] = lambda inputs: change(np.asarray(before(inputs))).tolist()


def test_a_healthy_challenger_passes_with_its_numbers(env: RolloutEnv) -> None:
    """It differs from the champion as much as its gates measured."""
    verdict = env.verify(env.reconcile().ref.run).verdict
    assert verdict.action == "verified"
    assert verdict.numbers["recent.disagreement"] == pytest.approx(0.1)
    assert verdict.numbers["holdout.disagreement"] == pytest.approx(0.1)
    assert verdict.numbers["disagreement.allowed"] == pytest.approx(0.3)
    assert "It differs from version 2 by 0.1 on average, and by 0.1 on its holdout." in (
        verdict.reason
    )


def test_a_version_registered_by_hand_lacks_evidence(env: RolloutEnv) -> None:
    """A version without evidence cannot serve, not even by its number."""
    learnt(env, lambda scores: 1 - scores)
    env.registry.tags[3] = {}
    assert "its gates have not compared it with version 2" in refusal(env)
    assert env.roll("3", holder="run-2") == ["roll_out", "refused"]


@pytest.mark.parametrize(
    "tags",
    [
        evidence(3, 1),
        {**evidence(3, 2), "slipway.disagreement": "nan"},
        {**evidence(3, 2), "slipway.disagreement": "little"},
        {**evidence(3, 2), "slipway.compared_with": "constant"},
    ],
)
def test_evidence_about_something_else_is_none(env: RolloutEnv, tags: dict[str, str]) -> None:
    """Evidence about another champion, or without numbers, does not count."""
    env.registry.tags[3] = tags
    assert "its gates have not compared it with version 2" in refusal(env)


def test_an_inverted_model_with_good_evidence_is_refused(env: RolloutEnv) -> None:
    """It is fast, healthy, equal to its own predictions, and wrong."""
    learnt(env, lambda scores: 1 - scores)
    assert "it differs from version 2 by" in refusal(env)


def test_a_model_that_runs_the_other_way_is_refused(env: RolloutEnv) -> None:
    """Inverted about the champion's mean it is close to it, and wrong on every row."""
    learnt(env, lambda scores: 0.215 - (scores - 0.315))
    reason = refusal(env)
    assert "its predictions are inverted" in reason
    assert "by -1.00, and on its holdout by 1.00" in reason


def test_a_server_that_answers_inverted_is_refused(env: RolloutEnv) -> None:
    """Its offline predictions are right, and its server's are not."""
    right = env.platform.models[3]
    env.platform.models[3] = lambda inputs: [1 - one for one in right(inputs)]
    assert "its answers differ from its offline predictions by up to" in refusal(env)


def test_a_flat_model_is_refused(env: RolloutEnv) -> None:
    """However close to the champion's mean its constant prediction is."""
    learnt(env, lambda scores: np.full(len(scores), 0.21))
    assert "its predictions are constant" in refusal(env)


def test_a_model_that_is_as_different_as_its_gates_saw_passes(env: RolloutEnv) -> None:
    """After a turn of the world a right challenger is the champion's opposite."""
    learnt(env, lambda scores: 1 - scores)
    turned = {"slipway.disagreement.correlation": "-1.0"}
    env.registry.tags[3] = evidence(3, 2, ratio=5.0) | turned
    assert env.verify(env.reconcile().ref.run).verdict.action == "verified"


def test_hardly_any_difference_needs_no_allowance(env: RolloutEnv) -> None:
    """A tenth of the champion's spread is allowed if the gates measured no difference."""
    learnt(env, lambda scores: scores - 0.1 + 0.0009)
    env.registry.tags[3] = evidence(3, 2, ratio=0.0)
    assert env.verify(env.reconcile().ref.run).verdict.action == "verified"


def test_a_champion_that_cannot_score_is_no_comparison(env: RolloutEnv) -> None:
    """Without the champion's scores there is no verdict by default."""
    load = env.load

    def refuse_champion(folder: Path) -> Any:
        if (folder / "version").read_text() == "2":
            raise BadRequest("a column is missing")
        return load(folder)

    env.load = refuse_champion
    assert "a column is missing" in refusal(env)


@pytest.mark.parametrize("to", ["previous", "1"])
def test_a_way_back_is_not_compared(env: RolloutEnv, to: str) -> None:
    """A rollback is a decision against the champion, which is no measure then."""
    env.registry.tags[1] = {}
    assert env.roll(to) == ["roll_back", "verified", "switched", "promoted"]


def test_the_first_model_is_not_compared(env: RolloutEnv) -> None:
    """There is no champion to compare with."""
    env.registry.aliases = {"challenger": 1}
    env.registry.tags[1] = {}
    env.platform.forget("delay")
    assert env.roll() == ["roll_out", "verified", "switched", "promoted"]


@given(SCORES, st.floats(0, 1), st.floats(0, 1))
def test_the_champion_itself_always_passes(
    scores: list[float], disagreement: float, spread: float
) -> None:
    """There is no difference, whatever the gates measured."""
    tags = {
        "slipway.compared_with": "version 2",
        "slipway.disagreement": repr(disagreement),
        "slipway.disagreement.spread": repr(spread),
        "slipway.disagreement.correlation": "0.9",
    }
    assert compare_with_champion(scores, scores, champion=2, tags=tags).objections(BARS) == []


@given(SCORES, st.sampled_from([math.nan, math.inf, None]))
def test_what_cannot_be_compared_is_refused(scores: list[float], odd: float | None) -> None:
    """A prediction that is no number, or a missing one, refuses the candidate."""
    answers = scores[1:] if odd is None else [odd, *scores[1:]]
    shadow = compare_with_champion(answers, scores, champion=2, tags=evidence(3, 2))
    assert shadow.objections(BARS) == ["its predictions cannot be compared with version 2's"]
    assert max_difference(answers, scores) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=50))
def test_likeness_is_what_numpy_says(pairs: list[tuple[float, float]]) -> None:
    """Mean absolute difference, the champion's spread, and Pearson's correlation."""
    ours, champion = np.array(pairs).T
    assume(min(ours.std(), champion.std()) > 1e-3)
    agreement = measure_agreement(ours.tolist(), champion.tolist())
    assert agreement is not None
    assert agreement.disagreement == pytest.approx(abs(ours - champion).mean())
    assert agreement.spread == pytest.approx(champion.std())
    assert agreement.correlation == pytest.approx(np.corrcoef(ours, champion)[0, 1], abs=1e-9)


@pytest.mark.parametrize(
    ("answer", "expected", "difference"),
    [(0.5, 0.25, 0.25), (200.0, 100.0, 1.0), (-150.0, -100.0, 0.5), (1.5, 1.0, 0.5)],
)
def test_differences_are_relative_above_one(
    answer: float, expected: float, difference: float
) -> None:
    """A probability is compared absolutely, a large amount by its size."""
    assert max_difference([answer], [expected]) == difference


def test_only_a_vanishing_spread_is_flat() -> None:
    """Predictions that vary by a twentieth of the champion's spread are not constant."""
    champion = [0.1, 0.5, 0.9]
    for share, is_flat in ((0.05, False), (0.005, True)):
        answers = [0.5 + share * (score - 0.5) for score in champion]
        compared = compare_with_champion(answers, champion, champion=2, tags={})
        assert compared.is_flat is is_flat
