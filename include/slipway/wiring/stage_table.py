"""Run a stage by its name, for Airflow's tasks, pods and the shell alike.

Stages and adapters are imported when they run.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.records.outcomes import keep_outcome
from slipway.records.stage_errors import keep_error
from slipway.spec.problems import nearest
from slipway.wiring import ingest, monitor, rollout, score, train
from slipway.wiring.container import Container
from slipway.wiring.stage import Stage
from slipway.wiring.stage_call import StageCall

if TYPE_CHECKING:
    from slipway.records.outcomes import Outcome


def run_stage(
    name: str,
    arguments: Mapping[str, Any],
    *,
    origin: Mapping[str, Any],
    container: Container | None = None,
    outcome: str | None = None,
) -> Outcome:
    """Run one stage and return its outcome.

    Args:
        name: Name of the stage.
        arguments: Inputs of its row in `STAGES`.
        origin: Origin of the run: DAG, run, task, try, host and user.
        container: Adapters; None: made from environment variables.
        outcome: Store key under which to keep the outcome or the error; None: not kept.

    Raises:
        BadParameter: There is no such stage, or an argument is missing or unknown.
        SlipwayError: The stage failed.
    """
    container = container or Container()
    try:
        row = find_stage(name)
        row.check(arguments)
        result = row.run(StageCall(container, arguments, origin))
    except Exception as error:
        if outcome is not None:
            keep_error(container.store, outcome, error)
        raise
    if outcome is not None:
        keep_outcome(container.store, outcome, result)
    return result


def find_stage(name: str) -> Stage:
    """Return the row of a stage.

    Raises:
        BadParameter: There is no such stage.
    """
    if name in STAGES:
        return STAGES[name]
    close = nearest(name, STAGES)
    raise BadParameter(
        f"there is no stage {name!r}",
        expected=f"one of {', '.join(STAGES)}",
        hint=f"did you mean {close!r}?" if close else None,
    )


def _rows(*modules: ModuleType) -> dict[str, Stage]:
    rows = (row for module in modules for row in vars(module).values() if isinstance(row, Stage))
    return {row.name: row for row in rows}


STAGES: dict[str, Stage] = _rows(ingest, train, rollout, score, monitor)
"""Every stage by its name, in the order of the ring; `@stage` in those modules makes the rows."""
