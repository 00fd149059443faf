"""Lease of a rollout and Airflow's runs: taken over from a run that ended, given back by a failure.

A lease that nobody gives back expires by itself; Airflow knows earlier that its holder has ended.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow.sdk import Context
from airflow.sdk.definitions.retry_policy import RetryAction
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from slipway.orchestration.retry_policy import StageRetryPolicy

ENDED_STATES = frozenset({"success", "failed"})

log = logging.getLogger(__name__)


def with_ended_holder(inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return the inputs of `reconcile`, with the lease's holder if its DAG run has ended."""
    from slipway import wiring

    holder = wiring.lease_holder(str(inputs["model"]))
    dag_id, _, run_id = (holder or "").partition("/")
    if not dag_id or run_id == context["dag_run"].run_id:
        return dict(inputs)
    try:
        state = context["ti"].get_dagrun_state(dag_id=dag_id, run_id=run_id)
    except Exception as error:  # noqa: BLE001  the lease expires by itself
        log.info("Airflow does not know the run of the lease's holder, %s: %s", holder, error)
        return dict(inputs)
    return {**inputs, "ended": holder} if state in ENDED_STATES else dict(inputs)


@contextmanager
def lease_given_back(
    inputs: Mapping[str, Any], origin: Mapping[str, Any], context: Context
) -> Iterator[None]:
    """Give the model's lease back if the work inside fails and Airflow does not try it again."""
    try:
        yield
    except (AirflowFailException, AirflowSkipException):
        # A verdict; the stage itself released the lease if the rollout ended with it.
        raise
    except Exception as error:
        if "rollout" in inputs and _failed_for_good(error, context):
            from slipway import wiring

            wiring.give_lease_back(str(inputs["model"]), origin)
        raise


def _failed_for_good(error: Exception, context: Context) -> bool:
    instance = context["ti"]
    tries: int = instance.max_tries
    decision = StageRetryPolicy().evaluate(error, instance.try_number, tries, context)
    return decision.action is RetryAction.FAIL or instance.try_number > tries
