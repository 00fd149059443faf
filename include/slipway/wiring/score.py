"""Wire the stages of batch scoring."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.errors import BadParameter
from slipway.records.outcomes import Listing
from slipway.records.verdicts import Verdict
from slipway.wiring.container import Container
from slipway.wiring.stage import stage
from slipway.wiring.stage_call import StageCall
from slipway.wiring.stage_inputs import FIRST, LAST, MODEL, PARTITION, SCORING

if TYPE_CHECKING:
    from slipway.records.run_records import RunRecord
    from slipway.spec import ModelSpec
    from slipway.stages.score.partitions import DuePartitions, Scoring


def partitions(
    *,
    model: str,
    partition: str | None = None,
    first: str | None = None,
    last: str | None = None,
    container: Container | None = None,
) -> DuePartitions:
    """Return the partitions to score now: those that are due, or the requested ones.

    Args:
        model: A model that is scored in batches.
        partition: Only this partition, whether or not it was scored before.
        first: Or all partitions from this one on …
        last: … up to and including this one.
        container: Adapters; None: made from environment variables.

    Raises:
        BadParameter: The requested partitions cannot be scored.
    """
    from slipway.stages.monitor.windows.windows import parse_window
    from slipway.stages.score.partitions import due_partitions

    container = container or Container()
    spec = _batch_model(container, model)
    if partition is not None and (first, last) != (None, None):
        raise BadParameter(
            "one partition and a range were requested",
            expected="a partition, or from and to",
            found="both",
        )
    first, last = partition or first, partition or last
    for name in (first, last):
        if name is not None:
            parse_window(name, spec.deployment.batch.partition)
    # Names of one unit sort like their periods; "0" and "9999-99" are open ends.
    asked = None if first is last is None else (first or "0", last or "9999-99")
    return due_partitions(
        spec,
        container.dataset(spec.dataset),
        store=container.store,
        tables=container.tables,
        scores=container.scores,
        registry=container.registry,
        platform=container.platform_for(spec),
        asked=asked,
    )


@stage("partitions", required=(MODEL,), optional=(PARTITION, FIRST, LAST))
def list_partitions(call: StageCall) -> Listing:
    """List the partitions to score, as inputs of `score`."""
    model = str(call.inputs["model"])
    asked = {name: call.inputs.get(name) for name in ("partition", "first", "last")}
    due = partitions(model=model, **asked, container=call.container)
    items = [
        {"model": model, "partition": one.window.name, "scoring": one.run} for one in due.scorings
    ]
    verdict = Verdict("listed", due.reason, {"partitions": len(items)})
    return Listing(verdict, {"partitions": items})


@stage(
    "score",
    required=(MODEL,),
    optional=(PARTITION, SCORING),
    recorded=True,
    personal_keys=True,
)
def run_score(call: StageCall) -> RunRecord:
    """Score one partition: as listed by `partitions`, or as it is now."""
    from slipway.stages.score.score import score
    from slipway.wiring.signing import state_trust_of

    container, spec = call.container, _batch_model(call.container, call.inputs["model"])
    return score(
        spec,
        container.dataset(spec.dataset),
        scoring=_listed(call, spec),
        tables=container.tables,
        scores=container.scores,
        registry=container.registry,
        load=container.load_package,
        context=call.context,
        trust=state_trust_of(container),
    )


def _listed(call: StageCall, spec: ModelSpec) -> Scoring:
    from slipway.stages.score.partitions import parse_scoring

    named = call.inputs.get("scoring")
    if named is not None:
        return parse_scoring(named, spec)
    partition = call.inputs.get("partition")
    if partition is None:
        raise BadParameter(
            "stage 'score' lacks the partition", expected="--partition …, or --scoring …"
        )
    found = partitions(model=spec.model, partition=partition, container=call.container)
    if not found.scorings:
        raise BadParameter(f"{partition} of {spec.model} cannot be scored", found=found.reason)
    return found.scorings[0]


def _batch_model(container: Container, name: str) -> ModelSpec:
    spec = container.model(name)
    if not spec.deployment.capabilities.scores_in_batches:
        raise BadParameter(
            f"{name} is not scored in batches",
            expected="deployment: batch",
            found=f"deployment.target: {spec.deployment.target}",
            where=f"model.yaml of {name}",
        )
    return spec
