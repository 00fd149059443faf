"""Explain a model in five lines, from its ledger, requests and registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from slipway.records import ledger, requests
from slipway.records.requests import Request
from slipway.stages.model.aliases import CHAMPION
from slipway.stages.model.provenance import format_source
from slipway.stages.model.version_tags import METRIC_PREFIX, REASON
from slipway.stages.monitor.collect import difference_to_served
from slipway.stages.rollout.platform import ServedReader

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import ModelSpec
    from slipway.stages.ports.registry import ModelVersion, Registry

REFUSALS = frozenset({"refuse", "refused", "aborted", "suppress"})
INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class ModelState:
    """State of a model.

    Attributes:
        model: Its name.
        champion: Champion; None before the first one.
        challenger: Version that waits for its rollout; None without one.
        working_on: Accepted request in progress; None without one.
        difference: Difference of the served version from the champion; None without one.
        entries: Its ledger, oldest first.
    """

    model: str
    champion: ModelVersion | None
    challenger: ModelVersion | None
    working_on: Request | None
    difference: str | None
    entries: Sequence[dict[str, Any]]

    def newest(self, stage: str, actions: frozenset[str]) -> dict[str, Any] | None:
        """The newest ledger entry of a stage with one of some actions."""
        for entry in self.entries[::-1]:
            fact = entry["fact"]
            if fact.get("stage") == stage and fact.get("action") in actions:
                return entry
        return None


def why(
    spec: ModelSpec, *, store: Store, registry: Registry, platform: ServedReader | None = None
) -> list[str]:
    """Five lines: what is served, since when, on what evidence, what was refused, what is next.

    Args:
        spec: The model.
        store: Store of ledger and requests.
        registry: Aliases and versions.
        platform: Reads the served traffic; None: not compared with the champion.
    """
    champion = registry.alias(spec.model, CHAMPION)
    state = ModelState(
        model=spec.model,
        champion=champion,
        challenger=registry.alias(spec.model, "challenger"),
        working_on=requests.in_flight(store, spec.model),
        difference=difference_to_served(spec.model, champion, platform) if platform else None,
        entries=ledger.read(store, spec.model),
    )
    return format_lines(state)


def format_lines(state: ModelState) -> list[str]:
    """Format the five lines; pure."""
    return [
        _served(state),
        _since(state),
        _evidence(state),
        _refused(state),
        _next(state),
    ]


def _served(state: ModelState) -> str:
    if state.difference is not None:
        return f"Served: {state.model}: {state.difference}."
    if state.champion is None:
        return f"Served: nothing; no version of {state.model} is champion."
    return f"Served: {state.model} version {state.champion.version}."


def _since(state: ModelState) -> str:
    entry = state.newest("promote_champion", frozenset({"promoted"}))
    if state.champion is None or entry is None:
        return "Since: no rollout has ended yet."
    return f"Since: {_moment(entry)} ({entry['fact']['run']}): {entry['fact']['reason']}"


def _evidence(state: ModelState) -> str:
    if state.champion is None:
        return "Evidence: none yet."
    tags = state.champion.tags
    metrics = ", ".join(
        f"{name.removeprefix(METRIC_PREFIX)} {float(value):.4f}"
        for name, value in sorted(tags.items())
        if name.startswith(METRIC_PREFIX)
    )
    asked = tags.get(REASON, "no reason was recorded")
    origin = format_source(tags)
    brought = f"; brought here as {origin}" if origin else ""
    return f"Evidence: {metrics or 'no metrics'} on its holdout{brought}; trained because: {asked}"


def _refused(state: ModelState) -> str:
    for entry in state.entries[::-1]:
        fact = entry["fact"]
        # A window may be inconclusive too, and that refuses nothing.
        is_step = str(fact.get("stage")).startswith("shift_")
        if fact.get("action") in REFUSALS or (is_step and fact["action"] == INCONCLUSIVE):
            return f"Refused: {_moment(entry)}, {fact['stage']} {fact['run']}: {fact['reason']}"
    return "Refused: nothing so far."


def _next(state: ModelState) -> str:
    working_on = state.working_on
    if working_on is not None:
        asked = f"request {working_on.number} ({working_on.kind})"
        return f"Next: {asked} is being worked on: {working_on.reason}"
    if state.challenger is not None:
        return f"Next: version {state.challenger.version} is challenger and waits for deploy."
    if state.champion is None:
        return "Next: the first model, once enough labels have arrived."
    entry = state.newest("decide", frozenset({"nothing", "request"}))
    if entry is None:
        return "Next: the monitor looks at the first window that closes."
    return f"Next: the monitor goes on; its last verdict: {entry['fact']['reason']}"


def _moment(entry: Mapping[str, Any]) -> str:
    return f"{datetime.fromisoformat(entry['at']):%Y-%m-%d %H:%M} UTC"
