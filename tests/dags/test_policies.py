"""Every task knows when a retry helps, and nothing large travels between tasks."""

from __future__ import annotations

import pickle
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk import RetryAction

from slipway import errors
from slipway.orchestration.task_policies import (
    RETRIES,
    XCOM_LIMIT_BYTES,
    LimitedXCom,
    StageRetryPolicy,
    first_that_fit,
    refuse_large,
)


def kinds_of(base: type[errors.SlipwayError]) -> list[type[errors.SlipwayError]]:
    """Every error below one."""
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type))
    return [kind for kind in kinds if issubclass(kind, base)]


@pytest.mark.parametrize("kind", kinds_of(errors.Permanent))
def test_a_permanent_error_fails_at_once(kind: type[errors.SlipwayError]) -> None:
    """A retry cannot help, so there is none."""
    decision = StageRetryPolicy().evaluate(kind("no"), 1, RETRIES)
    assert decision.action is RetryAction.FAIL


OWN_RULE = {
    errors.Unschedulable: [120, 240, 480, 600],
    errors.ImagePullFailed: [60, 120, 240, 480],
    errors.ClusterUnavailable: [20, 60, 180, 540],
    errors.PodLost: [5, 10, 20],
    errors.DeadlineExceeded: [30],
}
"""Seconds before each further try."""


@pytest.mark.parametrize("kind", kinds_of(errors.Transient))
def test_a_transient_error_is_tried_again_ever_later(kind: type[errors.SlipwayError]) -> None:
    """Delays double from three seconds up to half a minute; a cluster's errors have own rules."""
    policy = StageRetryPolicy()
    expected = OWN_RULE.get(kind, [3, 6, 12, 24])
    decisions = [policy.evaluate(kind("no"), attempt, RETRIES) for attempt in (1, 2, 3, 4)]
    delays = [one.retry_delay for one in decisions if one.action is RetryAction.RETRY]
    assert delays == [timedelta(seconds=seconds) for seconds in expected]
    assert {one.action for one in decisions[len(expected) :]} <= {RetryAction.FAIL}


def test_an_unexpected_error_gets_one_more_try() -> None:
    """A fault of ours is not made better by repeating it for long."""
    policy = StageRetryPolicy()
    assert policy.evaluate(KeyError("x"), 1, RETRIES).action is RetryAction.RETRY
    assert policy.evaluate(KeyError("x"), 2, RETRIES).action is RetryAction.FAIL


def test_an_error_is_recognised_after_a_journey_between_processes() -> None:
    """Retry rules are matched by class, also for an error that was pickled."""
    error = pickle.loads(pickle.dumps(errors.LeaseHeld("held", found="token 3")))  # noqa: S301
    assert StageRetryPolicy().evaluate(error, 1, RETRIES).action is RetryAction.RETRY


def test_a_small_value_travels_unchanged() -> None:
    """The limit does not touch what is below it."""
    value = {"action": "promote", "numbers": {"roc_auc": 0.7}}
    stored = SimpleNamespace(value=LimitedXCom.serialize_value(value))
    assert LimitedXCom.deserialize_value(stored) == value


def test_a_large_value_is_refused_by_the_backend() -> None:
    """Data travels by URI, whatever task or operator pushes it."""
    with pytest.raises(errors.Permanent, match="task train is too large"):
        LimitedXCom.serialize_value("x" * XCOM_LIMIT_BYTES, key="return_value", task_id="train")


def test_the_limit_counts_bytes() -> None:
    """A value of exactly the limit travels; one byte more does not."""
    refuse_large("x" * (XCOM_LIMIT_BYTES - 2), what="it")
    with pytest.raises(errors.Permanent, match="found: 8193 bytes"):
        refuse_large("x" * (XCOM_LIMIT_BYTES - 1), what="it")


def test_a_long_list_is_cut_at_the_limit_from_its_front() -> None:
    """What does not fit waits for the next run, in order."""
    items = [{"batch": f"2013-{number:04d}"} for number in range(1000)]
    taken = first_that_fit(items)
    assert 0 < len(taken) < len(items)
    assert taken == items[: len(taken)]
    refuse_large([taken, taken], what="two lists")


def test_a_short_list_is_taken_whole() -> None:
    """Nothing waits that fits."""
    assert first_that_fit([1, 2, 3]) == [1, 2, 3]
