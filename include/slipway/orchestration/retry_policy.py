"""Retries of every task of the ring: whether an error is retried, and after which wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow.sdk.definitions.context import Context
from airflow.sdk.definitions.retry_policy import (
    ExceptionRetryPolicy,
    RetryAction,
    RetryDecision,
    RetryRule,
)

from slipway import errors

RETRIES = 4
UNEXPECTED_RETRIES = 1
FIRST_DELAY_S = 3


@dataclass(frozen=True)
class Backoff:
    """Waits and number of retries after an error.

    Attributes:
        first_seconds: Wait before the second try.
        factor: Factor from one wait to the next.
        longest_seconds: Upper limit of a wait.
        retries: Tries after the first one, at most the task's own number.
    """

    first_seconds: float = FIRST_DELAY_S
    factor: float = 2.0
    longest_seconds: float = 600.0
    retries: int = RETRIES

    def delay(self, try_number: int) -> timedelta:
        """Return the wait after a try; the first try is number 1."""
        seconds = self.first_seconds * self.factor ** (try_number - 1)
        return timedelta(seconds=min(seconds, self.longest_seconds))


BACKOFFS: Mapping[type[BaseException], Backoff] = {
    # Capacity is freed when other work ends, which takes minutes.
    errors.Unschedulable: Backoff(first_seconds=120),
    errors.ImagePullFailed: Backoff(first_seconds=60),
    errors.ClusterUnavailable: Backoff(first_seconds=20, factor=3),
    # Another node is ready at once.
    errors.PodLost: Backoff(first_seconds=5, retries=3),
    # Once it may have been a slow node; twice, the work is too long.
    errors.DeadlineExceeded: Backoff(first_seconds=30, retries=1),
    errors.Transient: Backoff(),
    BaseException: Backoff(retries=UNEXPECTED_RETRIES),
}
"""By error class; the nearest base class applies."""


class StageRetryPolicy(ExceptionRetryPolicy):
    """Retries transient errors, fails on permanent ones, and retries an unexpected error once.

    Evaluated in the task process; Airflow's scheduler gets only the decision.
    """

    def __init__(self) -> None:
        super().__init__(
            rules=[
                RetryRule(
                    exception="slipway.errors.Permanent",
                    action=RetryAction.FAIL,
                    reason="a retry cannot help",
                ),
                RetryRule(
                    exception="slipway.errors.Transient",
                    action=RetryAction.RETRY,
                    reason="an outside service did not answer; a retry can help",
                ),
            ]
        )

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Return whether to fail, or to retry after the wait of `BACKOFFS`."""
        decision = super().evaluate(exception, try_number, max_tries, context)
        if decision.action is RetryAction.FAIL:
            return decision
        name = type(exception).__name__
        backoff = next(BACKOFFS[kind] for kind in type(exception).__mro__ if kind in BACKOFFS)
        if try_number > backoff.retries:
            return RetryDecision.fail(f"{name} again, after {try_number} tries")
        reason = decision.reason or f"unexpected {name}; one more try"
        return RetryDecision.retry(backoff.delay(try_number), reason)


def task_defaults(owner: str) -> dict[str, Any]:
    """Return Airflow's `default_args` for every DAG of the ring."""
    return {
        "owner": owner,
        "retries": RETRIES,
        # The scheduler retries a killed process without a policy.
        "retry_delay": timedelta(seconds=FIRST_DELAY_S),
        "retry_policy": StageRetryPolicy(),
        "execution_timeout": timedelta(hours=2),
    }
