"""What every task of the ring shares: when it is tried again, and how much it may hand on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.definitions.context import Context
from airflow.sdk.definitions.retry_policy import (
    ExceptionRetryPolicy,
    RetryAction,
    RetryDecision,
    RetryRule,
)

from slipway import errors
from slipway.errors import Permanent

Item = TypeVar("Item")

XCOM_LIMIT_BYTES = 8192
LIST_LIMIT_BYTES = 3500
RETRIES = 4
UNEXPECTED_RETRIES = 1
FIRST_DELAY_S = 3


@dataclass(frozen=True)
class Backoff:
    """How patiently an error is answered.

    Attributes:
        first_seconds: Wait before the second try.
        factor: Each further wait is so many times as long.
        longest_seconds: But no longer.
        retries: Tries after the first one; the task's own number is the ceiling.
    """

    first_seconds: float = FIRST_DELAY_S
    factor: float = 2.0
    longest_seconds: float = 600.0
    retries: int = RETRIES

    def delay(self, try_number: int) -> timedelta:
        """The wait after a try, of which the first is number 1."""
        seconds = self.first_seconds * self.factor ** (try_number - 1)
        return timedelta(seconds=min(seconds, self.longest_seconds))


BACKOFFS: Mapping[type[BaseException], Backoff] = {
    # Room comes back when other work ends, which takes minutes.
    errors.Unschedulable: Backoff(first_seconds=120),
    errors.ImagePullFailed: Backoff(first_seconds=60),
    errors.ClusterUnavailable: Backoff(first_seconds=20, factor=3),
    # Another node is ready at once.
    errors.PodLost: Backoff(first_seconds=5, retries=3),
    # It may have been a slow node once; twice it is the work that is too long.
    errors.DeadlineExceeded: Backoff(first_seconds=30, retries=1),
    errors.Transient: Backoff(),
    BaseException: Backoff(retries=UNEXPECTED_RETRIES),
}
"""By error; the nearest class counts."""


class StageRetryPolicy(ExceptionRetryPolicy):
    """Errors say themselves whether a retry can help; an unexpected one gets one more try.

    Evaluated in the task process; Airflow's scheduler sees the decision only.
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
                    reason="something outside did not answer; a retry can help",
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
        """Fail, or retry as patiently as `BACKOFFS` says."""
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
    """Airflow's `default_args` of every DAG of the ring."""
    return {
        "owner": owner,
        "retries": RETRIES,
        # A killed process is retried by the scheduler, which asks no policy.
        "retry_delay": timedelta(seconds=FIRST_DELAY_S),
        "retry_policy": StageRetryPolicy(),
        "execution_timeout": timedelta(hours=2),
    }


def refuse_large(value: Any, *, what: str) -> None:
    """Nothing when a value may travel between tasks.

    Raises:
        Permanent: It is larger than 8 KB as JSON; only URIs and verdicts travel.
    """
    size = len(json.dumps(value).encode())
    if size > XCOM_LIMIT_BYTES:
        raise Permanent(
            f"{what} is too large to travel between tasks",
            expected=f"at most {XCOM_LIMIT_BYTES} bytes of JSON",
            found=f"{size} bytes",
            hint="write it to the store and pass its key",
        )


def first_that_fit(items: Sequence[Item]) -> list[Item]:
    """As many items from the front as may travel between tasks; the rest waits for another run.

    Two such lists fit into one value.
    """
    taken: list[Item] = []
    room = LIST_LIMIT_BYTES
    for item in items:
        room -= len(json.dumps(item).encode()) + 2
        if room < 0:
            break
        taken.append(item)
    return taken


class LimitedXCom(BaseXCom):
    """Airflow's XCom backend with a limit: `[core] xcom_backend` names this class.

    The guard behind `refuse_large`: it also covers what other tasks and operators push.
    """

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        """The value as Airflow stores it.

        Raises:
            Permanent: It is larger than 8 KB as JSON.
        """
        stored = BaseXCom.serialize_value(
            value, key=key, task_id=task_id, dag_id=dag_id, run_id=run_id, map_index=map_index
        )
        refuse_large(stored, what=f"XCom {key!r} of task {task_id}")
        return stored
