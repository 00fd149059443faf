"""Batch scoring, wired: partitions of features become scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.errors import BadParameter
from slipway.records.outcomes import Listing
from slipway.records.verdicts import Verdict
from slipway.wiring.container import Container
from slipway.wiring.stage_call import Call

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
    shop: Container | None = None,
) -> DuePartitions:
    """The partitions that are to be scored now: those that are due, or those asked for.

    Args:
        model: A model that is scored in batches.
        partition: Only this one, scored already or not.
        first: Or all from this one …
        last: … to this one.
        shop: Its tools; the environment's when not given.

    Raises:
        BadParameter: What is asked for cannot be scored.
    """
    from slipway.stages.monitor.windows import parse_window
    from slipway.stages.score.partitions import due_partitions as due

    shop = shop or Container()
    spec = _batch_model(shop, model)
    if partition is not None and (first, last) != (None, None):
        raise BadParameter(
            "one partition and a range were asked for",
            expected="a partition, or from and to",
            found="both",
        )
    first, last = partition or first, partition or last
    for name in (first, last):
        if name is not None:
            parse_window(name, spec.deployment.batch.partition)
    # Names of one unit sort like the periods; "0" and "9…" stand for an open end.
    asked = None if first is last is None else (first or "0", last or "9999-99")
    return due(
        spec,
        shop.dataset(spec.dataset),
        store=shop.store,
        tables=shop.tables,
        scores=shop.scores,
        registry=shop.registry,
        platform=shop.platform_for(spec),
        asked=asked,
    )


def list_partitions(call: Call) -> Listing:
    """The partitions that are to be scored now, as inputs of `score`."""
    model = str(call.given["model"])
    asked = {name: call.given.get(name) for name in ("partition", "first", "last")}
    due = partitions(model=model, **asked, shop=call.shop)
    items = [
        {"model": model, "partition": one.window.name, "scoring": one.run} for one in due.scorings
    ]
    verdict = Verdict("listed", due.reason, {"partitions": len(items)})
    return Listing(verdict, {"partitions": items})


def score(call: Call) -> RunRecord:
    """One partition is scored: as the run that listed it named it, or as it stands now."""
    from slipway.adapters.model_package import load_package
    from slipway.stages.score import score as scoring

    shop, spec = call.shop, _batch_model(call.shop, call.given["model"])
    return scoring.score(
        spec,
        shop.dataset(spec.dataset),
        scoring=_listed(call, spec),
        tables=shop.tables,
        scores=shop.scores,
        registry=shop.registry,
        load=load_package,
        context=call.context,
    )


def _listed(call: Call, spec: ModelSpec) -> Scoring:
    from slipway.stages.score.partitions import parse_scoring

    named = call.given.get("scoring")
    if named is not None:
        return parse_scoring(named, spec)
    partition = call.given.get("partition")
    if partition is None:
        raise BadParameter(
            "stage 'score' needs to know what to score", expected="--partition …, or --scoring …"
        )
    found = partitions(model=spec.model, partition=partition, shop=call.shop)
    if not found.scorings:
        raise BadParameter(f"{partition} of {spec.model} cannot be scored", found=found.reason)
    return found.scorings[0]


def _batch_model(shop: Container, name: str) -> ModelSpec:
    spec = shop.model(name)
    if not spec.deployment.capabilities.scores_in_batches:
        raise BadParameter(
            f"{name} is not scored in batches",
            expected="deployment: batch",
            found=f"deployment.target: {spec.deployment.target}",
            where=f"model.yaml of {name}",
        )
    return spec
