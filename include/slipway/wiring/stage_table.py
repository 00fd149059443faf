"""Each stage by its name; the same call serves Airflow's tasks, pods and the shell.

Stages and adapters are imported when they run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.records import outcomes
from slipway.spec.problems import nearest
from slipway.wiring import ingest, monitor, rollout, score, train
from slipway.wiring.container import Container
from slipway.wiring.stage_call import Call, Stage

if TYPE_CHECKING:
    from slipway.records.outcomes import Outcome


def run_stage(
    name: str,
    arguments: Mapping[str, Any],
    *,
    origin: Mapping[str, Any],
    shop: Container | None = None,
    outcome: str | None = None,
) -> Outcome:
    """Run one stage and return what it decided.

    Args:
        name: Of the stage.
        arguments: Its own: see `STAGES`.
        origin: Who runs it: DAG, run, try, person.
        shop: Its tools; the environment's when not given.
        outcome: Store key under which to keep what it decided, or why it could not.

    Raises:
        BadParameter: There is no such stage, or an argument is missing or unknown.
        SlipwayError: The stage could not be done.
    """
    shop = shop or Container()
    try:
        decided: Outcome = _named(name, arguments).run(Call(shop, arguments, origin))
    except Exception as error:
        if outcome is not None:
            outcomes.keep_error(shop.store, outcome, error)
        raise
    if outcome is not None:
        outcomes.keep_outcome(shop.store, outcome, decided)
    return decided


def _named(name: str, arguments: Mapping[str, Any]) -> Stage:
    """The stage of a name, which the arguments fit."""
    stage = STAGES.get(name)
    if stage is None:
        close = nearest(name, STAGES)
        raise BadParameter(
            f"there is no stage {name!r}",
            expected=f"one of {', '.join(STAGES)}",
            hint=f"did you mean {close!r}?" if close else None,
        )
    stage.check(name, arguments)
    return stage


STAGES: dict[str, Stage] = {
    "ingest": Stage(ingest.ingest, ("dataset", "stream", "batch", "file")),
    "accept": Stage(train.accept, ("model",), ("reason",)),
    "snapshot": Stage(train.snapshot, ("model", "request")),
    "train": Stage(train.train, ("model", "request")),
    "evaluate": Stage(train.evaluate, ("model", "request")),
    "gate": Stage(train.gate, ("model", "request")),
    "promote_challenger": Stage(train.promote_challenger, ("model", "request")),
    "answer": Stage(train.answer, ("model", "request")),
    "reconcile": Stage(rollout.reconcile, ("model",), ("to",)),
    "verify": Stage(rollout.verify, ("model", "rollout")),
    "shift": Stage(rollout.shift, ("model", "rollout", "step")),
    "switch": Stage(rollout.switch, ("model", "rollout")),
    "promote_champion": Stage(rollout.promote_champion, ("model", "rollout")),
    "partitions": Stage(score.list_partitions, ("model",), ("partition", "first", "last")),
    "score": Stage(score.score, ("model",), ("partition", "scoring")),
    "collect": Stage(monitor.list_windows, ("model",)),
    "drift": Stage(monitor.drift, ("model", "window")),
    "performance": Stage(monitor.performance, ("model", "window")),
    "decide": Stage(monitor.decide, ("model",)),
}
"""Every stage, in the order of the ring."""
