"""The retry policy of every task, by class of error."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from airflow.sdk import RetryAction

from slipway import errors
from slipway.orchestration.retry_policy import RETRIES, StageRetryPolicy


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
    """Delays double from three seconds to half a minute; a cluster's errors have own rules."""
    policy = StageRetryPolicy()
    expected = OWN_RULE.get(kind, [3, 6, 12, 24])
    decisions = [policy.evaluate(kind("no"), attempt, RETRIES) for attempt in (1, 2, 3, 4)]
    delays = [one.retry_delay for one in decisions if one.action is RetryAction.RETRY]
    assert delays == [timedelta(seconds=seconds) for seconds in expected]
    assert {one.action for one in decisions[len(expected) :]} <= {RetryAction.FAIL}


def test_an_unexpected_error_gets_one_more_try() -> None:
    """A bug is not repaired by many retries."""
    policy = StageRetryPolicy()
    assert policy.evaluate(KeyError("x"), 1, RETRIES).action is RetryAction.RETRY
    assert policy.evaluate(KeyError("x"), 2, RETRIES).action is RetryAction.FAIL


def test_an_error_is_recognised_after_a_journey_between_processes() -> None:
    """The class of an unpickled error still matches a retry rule."""
    error = pickle.loads(pickle.dumps(errors.LeaseHeld("held", found="token 3")))  # noqa: S301
    assert StageRetryPolicy().evaluate(error, 1, RETRIES).action is RetryAction.RETRY
