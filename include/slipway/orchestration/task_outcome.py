"""End a task as its stage's verdict requires: done, skipped or failed, with XComs and an event.

A skipped task starts no later one; a failed one is visible and not retried. The run record is
complete before the task ends, so the state of the task never carries a verdict alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from slipway.errors import Permanent
from slipway.orchestration.xcom_limit import first_that_fit, refuse_large
from slipway.records.outcomes import Outcome
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict

log = logging.getLogger(__name__)


class StageOperator(Protocol):
    """Attributes that `StageTask` and `StagePod` share.

    Attributes:
        stage: Name of the stage.
        skip_when: Actions of a verdict that skip the task.
        fail_when: Actions of a verdict that fail the task.
        xcom_keys: Values that later tasks need, each pushed as an XCom under its own name: numbers
            of the verdict, `run` (the record's run), or lists of a listing, cut to the XCom limit.
        outlets: Assets whose events the task emits.
    """

    stage: str
    skip_when: Sequence[str]
    fail_when: Sequence[str]
    xcom_keys: Sequence[str]
    outlets: Any


def end_task(task: StageOperator, context: Context, outcome: Outcome) -> None:
    """Log and push a verdict, then end the task by its `skip_when` and `fail_when`.

    Args:
        task: The operator.
        context: Context of the task.
        outcome: Result of the stage; already in the store.

    Raises:
        AirflowSkipException: The action is one of `skip_when`.
        AirflowFailException: The action is one of `fail_when`.
        Permanent: The verdict is too large for an XCom, or lacks a value of `xcom_keys`.
    """
    verdict = outcome if isinstance(outcome, Verdict) else outcome.verdict
    _log_verdict(task.stage, verdict)
    value = verdict.to_json()
    refuse_large(value, what=f"the verdict of {task.stage}")
    context["ti"].xcom_push("return_value", value)
    ending = f"{verdict.action}: {verdict.reason}"
    if verdict.action in task.skip_when:
        raise AirflowSkipException(ending)
    if verdict.action in task.fail_when:
        raise AirflowFailException(ending)
    for key in task.xcom_keys:
        context["ti"].xcom_push(key, _xcom_value(task.stage, outcome, key))
    for asset in task.outlets:
        event = {name: value[name] for name in ("action", "reason", "numbers")}
        context["outlet_events"][asset].extra = event


def _xcom_value(stage: str, outcome: Outcome, key: str) -> Any:
    values = _xcom_values(outcome)
    if key not in values:
        raise Permanent(
            f"the result of {stage} lacks a value that later tasks need",
            expected=repr(key),
            found=", ".join(sorted(values)) or "no values",
        )
    return values[key]


def _xcom_values(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Verdict):
        return dict(outcome.numbers)
    if isinstance(outcome, RunRecord):
        return {**outcome.verdict.numbers, "run": outcome.ref.run}
    return {name: first_that_fit(items) for name, items in outcome.items.items()}


def _log_verdict(stage: str, verdict: Verdict) -> None:
    log.info("%s: %s. %s", stage, verdict.action, verdict.reason)
    for title, values in (("number", verdict.numbers), ("evidence", verdict.evidence)):
        for name, value in values.items():
            log.info("  %s %s = %s", title, name, value)
