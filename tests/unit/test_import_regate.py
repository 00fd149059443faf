"""The target environment's own spec and gates, applied to an imported version."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.errors import NotComputable
from slipway.spec import ModelSpec
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG
from tests.support import ferry_dataset
from tests.support.environments import Environment, count_versions, spec

NAME = spec().model


def test_a_version_that_does_not_fit_the_spec_here_is_refused(
    staging: Environment, production: Environment
) -> None:
    """The refusal has the expected and the found value."""
    production.training.spec = spec(features={"numeric": [], "categorical": ["port"]})
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "features: found wind, which the spec does not name" in refused.reason
    assert count_versions(production) == 0


def _kinds() -> ModelSpec:
    return spec(features={"numeric": [], "categorical": ["wind", "port"]})


def test_kinds_and_personal_columns_have_to_fit(
    staging: Environment, production: Environment
) -> None:
    """A number is not a category, and a column that is hashed here may not be logged in clear."""
    production.training.spec = _kinds()
    assert "feature wind: expected a string, found a number" in production.bring(staging).reason
    production.training.spec = spec()
    production.training.dataset = ferry_dataset.dataset(pii={"port": "hash"})
    assert "feature port: expected pii hash, found None" in production.bring(staging).reason


def test_the_gates_here_apply_too(staging: Environment, production: Environment) -> None:
    """Production may be stricter than staging."""
    bar = {"threshold": 0.99}
    production.training.spec = spec(gates={"min_holdout_rows": 100, "metrics": {"roc_auc": bar}})
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "below the threshold 0.99" in refused.reason
    assert count_versions(production) == 0


def test_a_comparison_with_the_same_champion_is_taken_over(
    staging: Environment, production: Environment
) -> None:
    """Both environments have the same champion, so the source's numbers hold here."""
    production.bring(staging)
    production.roll()
    staging.train("second", days=20, start=60)
    staging.roll(holder="run-2")
    production.training.land(
        ferry_dataset.crossings(days=20, start=ferry_dataset.START + 60 * _DAY)
    )
    brought = production.bring(staging)
    assert brought.action == "brought"
    assert "byte for byte; gated as at the source" in brought.reason
    tags, theirs = (env.training.registry.version(NAME, 2).tags for env in (production, staging))
    assert tags["slipway.compared_with"] == "version 1"
    assert tags["slipway.disagreement"] == theirs["slipway.disagreement"]
    assert production.roll(holder="run-2") == ["roll_out", "verified", "switched", "promoted"]


def test_another_champion_is_compared_on_rows_of_this_environment(
    staging: Environment, production: Environment
) -> None:
    """The source's numbers are about another champion."""
    production.train("own", days=20, start=60, seed=5)
    production.roll()
    production.training.land(
        ferry_dataset.crossings(days=20, start=ferry_dataset.START + 80 * _DAY, seed=6)
    )
    production.training.spec = spec(
        gates={
            "min_holdout_rows": 100,
            "metrics": {"roc_auc": {"min_absolute_change": -0.1}},
        }
    )
    brought = production.bring(staging)
    assert brought.action == "brought", brought.reason
    assert "on rows of this environment, beside version 1" in brought.reason
    assert brought.numbers["champion.version"] == 1
    assert brought.numbers["rows"] >= 20 * ferry_dataset.ROWS_PER_DAY
    assert brought.numbers["disagreement"] is not None
    assert production.roll(holder="run-2") == ["roll_out", "verified", "switched", "promoted"]


def test_without_rows_for_a_comparison_nothing_is_brought(
    staging: Environment, production: Environment, tmp_path: Path
) -> None:
    """There is no verdict by default: too few rows are a refusal, a missing table is an error."""
    production.train("own", days=20, start=60, seed=5)
    production.roll()
    bar = {"min_absolute_change": -0.1}
    production.training.spec = spec(gates={"min_holdout_rows": 1000, "metrics": {"roc_auc": bar}})
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "are fewer than 1,000" in refused.reason
    production.training.tables = Environment.in_memory("empty", tmp_path).training.tables
    with pytest.raises(NotComputable):
        production.bring(staging)
    assert count_versions(production) == 1


def test_another_challenger_keeps_its_turn(staging: Environment, production: Environment) -> None:
    """A waiting version is replaced only with `replace`."""
    production.train("own", days=20, start=60, seed=5)
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "version 1 is challenger here and waits" in refused.reason
    assert production.challenger() == 1
    assert production.bring(staging, replace=True).action == "brought"
    assert production.challenger() == 2
    assert production.bring(staging).action == "known"


def test_a_refused_challenger_is_replaced(staging: Environment, production: Environment) -> None:
    """A challenger that was refused here waits for no rollout."""
    production.train("own", days=20, start=60, seed=5)
    production.training.registry.tag(NAME, 1, {ROLLOUT_TAG: "refused"})
    assert production.bring(staging).action == "brought"
    assert production.challenger() == 2


_DAY = ferry_dataset.timedelta(days=1)
