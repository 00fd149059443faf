"""Order, scale and level of a candidate's scores beside the champion's, before any traffic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import expit, logit

from slipway.spec.deployment import Verify
from slipway.stages.model.score_shape import ScoreShape, measure_shape
from tests.support.rollout_env import RolloutEnv, evidence
from tests.unit.test_agreement import learnt, refusal

STRICT = Verify(min_rank_correlation=-0.2, replay_rows=20)
ROWS = Verify().replay_rows
REVERSE = "its scores are in reverse order of version 2's (rank correlation -1.00)"


def retrained(seed: int, *, kind: str, rows: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Scores of recent rows by a model, and by one of other rows whose base rate has moved."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    weights = rng.normal(size=8) / np.sqrt(8)

    def drawn(number: int, base: float) -> tuple[np.ndarray, np.ndarray]:
        features = rng.normal(size=(number, 8))
        chance = expit(features @ weights + 0.5 * np.sin(2 * features[:, 0]) + base)
        return features, (rng.random(number) < chance).astype(int)

    def fitted(base: float) -> Any:
        trees = HistGradientBoostingClassifier(max_iter=20, max_depth=3, random_state=seed)
        model = LogisticRegression() if kind == "linear" else trees
        return model.fit(*drawn(rows, base))

    recent = drawn(ROWS, -0.9)[0]
    champion, candidate = fitted(-1.0), fitted(-0.8)
    return tuple(one.predict_proba(recent)[:, 1] for one in (champion, candidate))


def shape_of(candidate: np.ndarray, champion: np.ndarray) -> ScoreShape:
    """The comparison of two models' scores."""
    found = measure_shape(candidate.tolist(), champion.tolist(), champion=2)
    assert found is not None
    return found


def told(shape: ScoreShape) -> list[str]:
    """All that is said of a candidate."""
    return [*shape.order(), *shape.named()]


@pytest.mark.parametrize("kind", ["linear", "trees"])
def test_ordinary_retrainings_are_never_named(kind: str) -> None:
    """Nothing is said of other rows, another seed and a base rate that moved by a fifth."""
    for seed in range(10):
        champion, candidate = retrained(seed, kind=kind)
        assert told(shape_of(candidate, champion)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda score: 1 - score, "its scores are in reverse order of version 2's (rank corr"),
        (lambda score: score.mean() + 0.2 * (score - score.mean()), "its scores spread 0."),
        (lambda score: (3 * (score - score.mean())).clip(-1, 1), "its scores spread "),
        (lambda score: expit(logit(score) + 2), "its mean score is higher by "),
        (lambda score: score / 10, "its mean score is lower by "),
    ],
    ids=["inverted", "shrunk", "stretched", "balanced", "tenth"],
)
def test_planted_differences_are_named(change: Any, words: str) -> None:
    """Each by its own words, of every seed and of both kinds of models."""
    for seed in range(5):
        for kind in ("linear", "trees"):
            champion, candidate = retrained(seed, kind=kind)
            shape = shape_of(change(candidate), champion)
            assert any(words in one for one in told(shape))
            assert shape.is_refused(STRICT) is ("reverse" in words)


def test_models_without_a_relation_are_hardly_ever_refused() -> None:
    """Chance alone moves the rank correlation of 200 rows by 0.07; few rows refuse nobody."""
    rng = np.random.default_rng(3)
    pairs = rng.normal(size=(500, 2, ROWS))
    assert sum(shape_of(*pair).is_refused(STRICT) for pair in pairs) == 0
    assert sum(shape_of(*pair[:, :10]).is_refused(STRICT) for pair in pairs) <= 500 * 0.01


def test_several_classes_are_compared_by_class() -> None:
    """Their ranks within each class; the level of shares that sum to 1 says nothing."""
    rng = np.random.default_rng(5)
    champion = rng.dirichlet([1, 2, 3], size=ROWS)
    turned = (1 - champion) / 2
    shape = shape_of(turned, champion)
    assert shape.rank_correlation == pytest.approx(-1)
    assert shape.level == 0.0
    assert shape.is_refused(STRICT)


def test_what_cannot_be_compared_has_no_shape() -> None:
    """A constant champion, other numbers of rows, and missing scores."""
    assert measure_shape([0.1, 0.2], [0.5, 0.5], champion=2) is None
    assert measure_shape([0.1], [0.1, 0.2], champion=2) is None
    assert measure_shape([0.1, float("nan")], [0.1, 0.2], champion=2) is None


def turned(env: RolloutEnv) -> None:
    """Invert version 3, which its gates saw: the labels have turned, or their deliveries."""
    seen = {"slipway.disagreement.correlation": "-1.0"}
    env.registry.tags[3] = evidence(3, 2, ratio=5.0) | seen
    learnt(env, lambda scores: 1 - scores)


def test_an_inverted_candidate_that_its_gates_passed_is_named(env: RolloutEnv) -> None:
    """After a turn of the world it is right, and the champion is not to be locked in."""
    turned(env)
    verdict = env.verify(env.reconcile().ref.run).verdict
    assert verdict.action == "verified"
    assert REVERSE in verdict.reason
    assert verdict.numbers["recent.rank_correlation"] == pytest.approx(-1)


def test_an_inverted_candidate_is_refused_where_the_spec_says_so(env: RolloutEnv) -> None:
    """Labels that were delivered the other way round turn the holdout of the gates, too."""
    turned(env)
    deployment = env.spec.deployment.model_copy(update={"verify": STRICT})
    env.spec = env.spec.model_copy(update={"deployment": deployment})
    reason = refusal(env)
    assert REVERSE in reason
    assert "(-0.2 is allowed)" in reason


def test_a_shrunk_candidate_is_named_in_its_verdict(env: RolloutEnv) -> None:
    """It passes, since its gates judged it, and a person reads of it before it has traffic."""
    learnt(env, lambda scores: 0.31 + 0.1 * (scores - 0.31))
    verdict = env.verify(env.reconcile().ref.run).verdict
    assert verdict.action == "verified"
    assert "its scores spread 0.1 times as wide as version 2's" in verdict.reason
    assert verdict.numbers["recent.spread_ratio"] == pytest.approx(0.1)


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made
