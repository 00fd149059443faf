"""Plan a rollout: compare what is served with what should be, and decide what to do; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from slipway.errors import BadParameter
from slipway.records.run_records import RunRef, need_record
from slipway.records.store import Store

Action = Literal["nothing", "roll_out", "roll_back", "repair"]


@dataclass(frozen=True)
class ObservedState:
    """State of a model's aliases and traffic.

    Attributes:
        champion: Version by that alias.
        previous: Version by that alias.
        challenger: Version by that alias.
        blocked: Outcome that keeps a version from being rolled out by itself, by version.
        served: The one version that takes every request and can answer, or None.
        unfinished: Action and version of the rollout that last changed the traffic, if it has not
            promoted its version to champion.
        sharing: Versions that share the traffic, when more than one has a weight.
        edited: Manual edit of what is served, with its field manager; None: no edit.
    """

    champion: int | None
    previous: int | None
    challenger: int | None
    blocked: Mapping[int, str]
    served: int | None
    unfinished: tuple[Action, int] | None
    sharing: tuple[int, ...] = ()
    edited: str | None = None

    @property
    def canaries(self) -> tuple[int, ...]:
        """Versions that share the traffic with the champion."""
        if self.champion not in self.sharing:
            return ()
        return tuple(version for version in self.sharing if version != self.champion)

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        blocked = {str(version): outcome for version, outcome in self.blocked.items()}
        unfinished = list(self.unfinished) if self.unfinished else None
        sharing = list(self.sharing)
        value = {**asdict(self), "blocked": blocked, "unfinished": unfinished, "sharing": sharing}
        # Rarely set; omitted otherwise, so that the digest in a run's name stays the same.
        return {name: one for name, one in value.items() if name != "edited" or one}


@dataclass(frozen=True)
class RolloutDecision:
    """Action of a rollout, the version it concerns, and the reason."""

    action: Action
    version: int | None
    reason: str


@dataclass(frozen=True)
class RolloutPlan:
    """Plan of a rollout in progress, as `reconcile` recorded it.

    Attributes:
        model: Name of the model.
        token: Fencing token of its lease.
        action: What it does.
        version: Version to serve.
        champion: Champion when it began.
        previous: Previous champion when it began.
        served: Version that took every request when it began; None: there was none.
    """

    model: str
    token: int
    action: Action
    version: int
    champion: int | None
    previous: int | None
    served: int | None = None

    @property
    def is_urgent(self) -> bool:
        """Whether it returns to a known version, which no canary step may delay."""
        return self.action in {"roll_back", "repair"}

    @property
    def has_steps(self) -> bool:
        """Whether there is a champion from which traffic can shift step by step."""
        all_at_once = self.is_urgent or self.fallback is None
        return not all_at_once and self.served != self.version

    @property
    def fallback(self) -> int | None:
        """Version that serves if this rollout fails."""
        return self.champion if self.champion != self.version else None

    @property
    def warm(self) -> list[int]:
        """Versions kept ready without a share of the traffic."""
        kept = self.previous if self.fallback is None else self.fallback
        return [] if kept is None or kept == self.version else [kept]


def rollout_run(token: int) -> str:
    """Run id of the rollout that holds a lease."""
    return f"rollout-{token:06d}"


def read_plan(store: Store, model: str, run: str) -> RolloutPlan:
    """Read the plan that a run's `reconcile` recorded.

    Raises:
        NotFound: There is no such record.
        BadParameter: It decided that there is nothing to do.
    """
    record = need_record(store, RunRef(model, run, "reconcile"))
    numbers, action = record.verdict.numbers, record.verdict.action
    if numbers.get("version") is None:
        raise BadParameter(f"{run} of {model} has nothing to roll out", where=record.ref.key)
    return RolloutPlan(
        model=model,
        token=int(run.removeprefix("rollout-")),
        action=action,  # type: ignore[arg-type]
        version=int(numbers["version"]),  # type: ignore[arg-type]
        champion=numbers.get("champion"),  # type: ignore[arg-type]
        previous=numbers.get("previous"),  # type: ignore[arg-type]
        served=numbers.get("served"),  # type: ignore[arg-type]
    )


def plan_rollout(state: ObservedState, to: str) -> RolloutDecision:
    """Decide which rollout removes the difference between observed and desired state; pure.

    While a rollout shares the traffic, `previous` returns to the champion, which served before
    it. The next `previous` then goes further back.

    Args:
        state: Aliases and traffic.
        to: `challenger`, `previous`, or a version's number, which overrides a blocking outcome.

    Raises:
        BadParameter: `to` cannot be rolled out.
    """
    if to == "challenger":
        return _to_challenger(state)
    if to == "previous":
        return _to_previous(state)
    if to.isdecimal():
        return _to_version(state, int(to))
    raise BadParameter(
        f"cannot roll out {to!r}", expected="challenger, previous, or a version's number"
    )


def _to_challenger(state: ObservedState) -> RolloutDecision:
    decision = _finish(state) or _repair(state)
    if decision is not None:
        return decision
    champion, challenger = state.champion, state.challenger
    if challenger is None:
        return RolloutDecision("nothing", None, _idle(state, "there is no challenger"))
    if challenger in state.blocked:
        why = state.blocked[challenger].replace("_", " ")
        why_not = f"challenger {challenger} was {why} before; its number as `to` overrides that"
        return RolloutDecision("nothing", None, _idle(state, why_not))
    if challenger == champion:
        return RolloutDecision("nothing", None, _idle(state, "the challenger is the champion"))
    return RolloutDecision(
        "roll_out", challenger, f"version {challenger} is challenger, {_served(state)}"
    )


def _to_previous(state: ObservedState) -> RolloutDecision:
    unfinished = _finish(state)
    if unfinished is not None and unfinished.action == "roll_back":
        return unfinished
    if state.canaries:
        reason = f"{_sharing(state)}, and a return from that was asked for."
        return RolloutDecision("repair", state.champion, reason)
    if state.previous is None:
        raise BadParameter(
            "cannot roll back: there is no previous champion",
            expected="an alias `previous` in the registry",
            hint="pass a version's number instead",
        )
    if state.previous in state.blocked:
        raise BadParameter(
            "cannot roll back: the previous champion may not serve by itself",
            found=f"version {state.previous} was {state.blocked[state.previous]} before",
            hint="pass its number to roll it out all the same",
        )
    reason = f"a return to version {state.previous} was asked for, {_served(state)}"
    return RolloutDecision("roll_back", state.previous, reason)


def _to_version(state: ObservedState, version: int) -> RolloutDecision:
    if state.champion == version:
        if state.served == version:
            why_not = f"version {version} is champion and served"
            return RolloutDecision("nothing", None, _idle(state, why_not))
        reason = f"version {version} is champion, but {_traffic(state)}."
        return RolloutDecision("repair", version, reason)
    backwards = state.champion is not None and version < state.champion
    reason = f"version {version} was asked for by number, {_served(state)}"
    return RolloutDecision("roll_back" if backwards else "roll_out", version, reason)


def _repair(state: ObservedState) -> RolloutDecision | None:
    if state.champion is None or state.served in {state.champion, state.challenger} - {None}:
        return None
    reason = f"version {state.champion} is champion, but {_traffic(state)}."
    if state.canaries:
        reason = f"{_sharing(state)} since an unfinished rollout."
    return RolloutDecision("repair", state.champion, reason)


def _finish(state: ObservedState) -> RolloutDecision | None:
    if state.unfinished is None:
        return None
    action, version = state.unfinished
    if state.served != version or state.champion == version:
        return None
    reason = f"version {version} is served since a rollout that did not make it champion."
    return RolloutDecision(action, version, reason)


def _sharing(state: ObservedState) -> str:
    verb = "shares" if len(state.canaries) == 1 else "share"
    return f"{_join(state.canaries)} {verb} the traffic with version {state.champion}"


def _served(state: ObservedState) -> str:
    if state.served is None:
        return f"and {_traffic(state)} just now."
    return f"and version {state.served} is served."


def _traffic(state: ObservedState) -> str:
    if state.sharing:
        return f"{_join(state.sharing)} share the traffic"
    return "no version answers" if state.served is None else f"version {state.served} answers"


def _join(versions: Sequence[int]) -> str:
    return " and ".join(f"version {version}" for version in versions)


def _idle(state: ObservedState, why: str) -> str:
    return f"{why[0].upper()}{why[1:]}, {_served(state)}"
