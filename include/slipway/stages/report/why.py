"""Explain a model in five lines, from its ledger, requests, registry and platform.

Further lines tell what the registry lost, what of the ledger is damaged, which aliases are foreign,
which signatures do not count, which desired states are not followed, operations that are not well,
and which rollouts wait for another one. Each sentence holds in every state: it names what is not
known, and the next deploy is the decision for the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from slipway.records.champion_history import REGISTERED
from slipway.records.failed_requests import in_one_line
from slipway.stages.model.provenance import format_source
from slipway.stages.model.version_tags import METRIC_PREFIX, REASON
from slipway.stages.report.model_state import (
    ModelState,
    ValidSpecs,
    moment_of,
    numbers_of,
    read_model_state,
)
from slipway.stages.report.refusals import is_refusal
from slipway.stages.report.why_next import describe_next
from slipway.stages.report.why_since import describe_since
from slipway.stages.rollout.served_difference import describe_difference, describe_served
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec.retraining import Retraining
    from slipway.stages.model.registry_losses import LossRegistry
    from slipway.stages.ports.registry import ModelVersion
    from slipway.stages.rollout.platform import ServedReader
    from slipway.stages.rollout.signed_states import StateTrust


def why(
    model: str,
    *,
    store: Store,
    registry: LossRegistry,
    platform: ServedReader,
    valid: ValidSpecs = "both",
    policy: Retraining | None = None,
    signature_of: Callable[[ModelVersion], str | None] | None = None,
    trust: StateTrust | None = None,
) -> list[str]:
    """Explain what is served, since when, on what evidence, what was refused, what is next.

    Args:
        model: Name of the model.
        store: Store of ledger and requests.
        registry: Aliases and versions.
        platform: Reads the served traffic.
        valid: Which of its specs are valid now; without both there is no training, rollout or
            monitoring.
        policy: Its rules for retraining; None: its spec is not known.
        signature_of: Describes the signature of a version; None: it is not looked at.
        trust: Keys that have to have signed desired states; None: they are not looked at.

    Raises:
        StoreUnavailable: The store does not answer.
        BadParameter: The trusted keys cannot be read.
    """
    state = read_model_state(
        model,
        store=store,
        registry=registry,
        platform=platform,
        valid=valid,
        policy=policy,
        signature_of=signature_of,
        trust=trust,
    )
    return format_lines(state)


def format_lines(state: ModelState) -> list[str]:
    """Format the lines; pure."""
    return [
        _served(state),
        *(f"Lost: {loss.reason}. Way out: {loss.way_out}." for loss in state.losses),
        *(f"Damaged: {sentence}" for sentence in state.damage),
        *(f"Foreign: {one.sentence}" for one in state.foreign),
        *(f"Not usable: {text}." for text in state.unusable.values()),
        *(f"Not followed: {sentence}" for sentence in state.refused),
        describe_since(state),
        _evidence(state),
        _refused(state),
        *_operations(state),
        *(f"Waits: {sentence}" for sentence in state.waiting),
        describe_next(state),
    ]


def _served(state: ModelState) -> str:
    difference = describe_difference(state.traffic)
    if state.outage is not None:
        found = difference or describe_served(state.traffic.served)
        not_known = f"which version is champion is not known: {state.outage}"
        return f"Served: {state.model}: {found}; {not_known}."
    if difference is not None:
        return f"Served: {state.model}: {difference}."
    if state.champion is None:
        return f"Served: nothing; no version of {state.model} is champion."
    return f"Served: {state.model} version {state.champion.version}."


def _evidence(state: ModelState) -> str:
    version = state.version
    if version is None:
        return "Evidence: none yet."
    if state.champion is not None:
        return _tagged_evidence(state.champion)
    entry = next(state.about(version, *REGISTERED), None)
    if entry is None:
        return f"Evidence: the ledger has none of version {version}."
    measured = {
        name.removeprefix("challenger."): value
        for name, value in numbers_of(entry).items()
        if name.startswith("challenger.")
    }
    return f"Evidence: {_format_metrics(measured)} on its holdout, by the ledger."


def _tagged_evidence(champion: ModelVersion) -> str:
    tags = champion.tags
    measured = {
        name.removeprefix(METRIC_PREFIX): value
        for name, value in tags.items()
        if name.startswith(METRIC_PREFIX)
    }
    asked = tags.get(REASON, "no reason was recorded")
    origin = format_source(tags)
    brought = f"; brought here as {origin}" if origin else ""
    return (
        f"Evidence: {_format_metrics(measured)} on its holdout{brought}; trained because: {asked}"
    )


def _format_metrics(measured: Mapping[str, Any]) -> str:
    return ", ".join(map(_format_metric, sorted(measured.items()))) or "no metrics"


def _format_metric(metric: tuple[str, Any]) -> str:
    """One metric; a hand may have put anything into a tag."""
    name, value = metric
    try:
        return f"{name} {in_figures(float(value))}"
    except (TypeError, ValueError):
        return f"{name} not known"


def _operations(state: ModelState) -> Iterator[str]:
    """Yield the newest verdict on operations, unless all is well."""
    kinds = (("operations", action) for action in ("ok", "degraded", "inconclusive"))
    entry = next(state.about(None, *kinds), None)
    if entry is not None and entry["fact"]["action"] != "ok":
        fact = entry["fact"]
        yield f"Operations: {fact['action']}, {fact['run']}: {in_one_line(str(fact['reason']))}"


def _refused(state: ModelState) -> str:
    entry = next((one for one in state.entries[::-1] if is_refusal(one)), None)
    if entry is None:
        return "Refused: nothing so far."
    fact = entry["fact"]
    reason = in_one_line(str(fact["reason"]))
    return f"Refused: {moment_of(entry)}, {fact['stage']} {fact['run']}: {reason}"
