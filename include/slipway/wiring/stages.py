"""Each stage by its name; the same call serves Airflow's tasks, pods and the shell.

Stages and adapters are imported when they run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.spec.problems import nearest
from slipway.wiring import arrival, learning, monitoring, rollouts, scoring
from slipway.wiring.calls import Call, Stage
from slipway.wiring.workshop import Workshop

if TYPE_CHECKING:
    from slipway.records.runs import RunRecord, Verdict


def run_stage(
    name: str,
    arguments: Mapping[str, Any],
    *,
    origin: Mapping[str, Any],
    shop: Workshop | None = None,
) -> RunRecord | Verdict:
    """Run one stage and return what it decided.

    Args:
        name: Of the stage.
        arguments: Its own: see `STAGES`.
        origin: Who runs it: DAG, run, try, person.
        shop: Its tools; the environment's when not given.

    Raises:
        BadParameter: There is no such stage, or an argument is missing or unknown.
        SlipwayError: The stage could not be done.
    """
    stage = STAGES.get(name)
    if stage is None:
        close = nearest(name, STAGES)
        raise BadParameter(
            f"there is no stage {name!r}",
            expected=f"one of {', '.join(STAGES)}",
            hint=f"did you mean {close!r}?" if close else None,
        )
    stage.check(name, arguments)
    decided: RunRecord | Verdict = stage.run(Call(shop or Workshop(), arguments, origin))
    return decided


STAGES: dict[str, Stage] = {
    "ingest": Stage(arrival.ingest, ("dataset", "stream", "batch", "file")),
    "accept": Stage(learning.accept, ("model",), ("asked",)),
    "snapshot": Stage(learning.snapshot, ("model", "request")),
    "train": Stage(learning.train, ("model", "request")),
    "evaluate": Stage(learning.evaluate, ("model", "request")),
    "gate": Stage(learning.gate, ("model", "request")),
    "promote_challenger": Stage(learning.promote_challenger, ("model", "request")),
    "answer": Stage(learning.answer, ("model", "request")),
    "reconcile": Stage(rollouts.reconcile, ("model",), ("to",)),
    "verify": Stage(rollouts.verify, ("model", "rollout")),
    "shift": Stage(rollouts.shift, ("model", "rollout", "step")),
    "switch": Stage(rollouts.switch, ("model", "rollout")),
    "promote_champion": Stage(rollouts.promote_champion, ("model", "rollout")),
    "score": Stage(scoring.score, ("model",), ("partition", "scoring")),
    "drift": Stage(monitoring.drift, ("model", "window")),
    "performance": Stage(monitoring.performance, ("model", "window")),
    "decide": Stage(monitoring.decide, ("model",)),
}
"""Every stage, in the order of the ring."""
