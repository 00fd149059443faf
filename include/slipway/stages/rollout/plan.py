"""Which rollout mends the difference between what is served and what should be; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from slipway.errors import BadParameter

Action = Literal["nothing", "roll_out", "roll_back", "repair"]


@dataclass(frozen=True)
class ObservedState:
    """What a decision may look at.

    Attributes:
        champion: Version by that alias.
        previous: Version by that alias.
        challenger: Version by that alias.
        blocked: Why a version may not be rolled out again by itself, by version.
        served: The one version that answers every request; None when there is no such.
        unfinished: Action and version of the rollout that last changed the traffic, if it has not
            made its version champion.
        sharing: The versions that share the traffic where more than one has a part of it.
        edited: What somebody changed of what serves, and who; None: nobody did.
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
    def guests(self) -> tuple[int, ...]:
        """The versions that share the traffic with the champion."""
        if self.champion not in self.sharing:
            return ()
        return tuple(version for version in self.sharing if version != self.champion)

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        blocked = {str(version): why for version, why in self.blocked.items()}
        unfinished = list(self.unfinished) if self.unfinished else None
        sharing = list(self.sharing)
        said = {**asdict(self), "blocked": blocked, "unfinished": unfinished, "sharing": sharing}
        # A fact that is rare; without it the facts, and with them a run's name, are as ever.
        return {key: value for key, value in said.items() if key != "edited" or value}


@dataclass(frozen=True)
class RolloutDecision:
    """What a rollout shall do, with which version, and why."""

    action: Action
    version: int | None
    reason: str


def plan_rollout(facts: ObservedState, to: str) -> RolloutDecision:
    """What mends the difference between what is served and what should be; pure.

    While a rollout shares the traffic, the way back is to the champion: that is what served
    before it. The next `previous` then goes further back.

    Args:
        facts: What is, by alias and on the platform.
        to: `challenger`, `previous`, or a version's number, which overrides a refusal.

    Raises:
        BadParameter: That cannot be rolled out.
    """
    if to == "challenger":
        return _towards_challenger(facts)
    if to == "previous":
        return _towards_previous(facts)
    if to.isdecimal():
        return _towards_version(facts, int(to))
    raise BadParameter(
        f"cannot roll out {to!r}", expected="challenger, previous, or a version's number"
    )


def _towards_challenger(facts: ObservedState) -> RolloutDecision:
    mend = _to_finish(facts) or _to_repair(facts)
    if mend is not None:
        return mend
    champion, challenger = facts.champion, facts.challenger
    if challenger is None:
        return RolloutDecision("nothing", None, _idle(facts, "there is no challenger"))
    if challenger in facts.blocked:
        why = facts.blocked[challenger].replace("_", " ")
        said = f"challenger {challenger} was {why} before; its number as `to` overrides that"
        return RolloutDecision("nothing", None, _idle(facts, said))
    if challenger == champion:
        return RolloutDecision("nothing", None, _idle(facts, "the challenger is the champion"))
    return RolloutDecision(
        "roll_out", challenger, f"version {challenger} is challenger, {_against(facts)}"
    )


def _towards_previous(facts: ObservedState) -> RolloutDecision:
    unfinished = _to_finish(facts)
    if unfinished is not None and unfinished.action == "roll_back":
        return unfinished
    if facts.guests:
        reason = f"{_shared(facts)}, and a return from that was asked for."
        return RolloutDecision("repair", facts.champion, reason)
    if facts.previous is None:
        raise BadParameter(
            "cannot roll back: there is no previous champion",
            expected="an alias `previous` in the registry",
            hint="pass a version's number instead",
        )
    if facts.previous in facts.blocked:
        raise BadParameter(
            "cannot roll back: the previous champion may not serve by itself",
            found=f"version {facts.previous} was {facts.blocked[facts.previous]} before",
            hint="pass its number to roll it out all the same",
        )
    reason = f"a return to version {facts.previous} was asked for, {_against(facts)}"
    return RolloutDecision("roll_back", facts.previous, reason)


def _towards_version(facts: ObservedState, version: int) -> RolloutDecision:
    if facts.champion == version:
        if facts.served == version:
            said = f"version {version} is champion and served"
            return RolloutDecision("nothing", None, _idle(facts, said))
        reason = f"version {version} is champion, but {_answering(facts)}."
        return RolloutDecision("repair", version, reason)
    backwards = facts.champion is not None and version < facts.champion
    reason = f"version {version} was asked for by number, {_against(facts)}"
    return RolloutDecision("roll_back" if backwards else "roll_out", version, reason)


def _to_repair(facts: ObservedState) -> RolloutDecision | None:
    if facts.champion is None or facts.served in {facts.champion, facts.challenger} - {None}:
        return None
    reason = f"version {facts.champion} is champion, but {_answering(facts)}."
    if facts.guests:
        reason = f"{_shared(facts)} since an unfinished rollout."
    return RolloutDecision("repair", facts.champion, reason)


def _to_finish(facts: ObservedState) -> RolloutDecision | None:
    if facts.unfinished is None:
        return None
    action, version = facts.unfinished
    if facts.served != version or facts.champion == version:
        return None
    reason = f"version {version} is served since a rollout that did not make it champion."
    return RolloutDecision(action, version, reason)


def _shared(facts: ObservedState) -> str:
    verb = "shares" if len(facts.guests) == 1 else "share"
    return f"{_said(facts.guests)} {verb} the traffic with version {facts.champion}"


def _against(facts: ObservedState) -> str:
    if facts.served is None:
        return f"and {_answering(facts)} just now."
    return f"and version {facts.served} is served."


def _answering(facts: ObservedState) -> str:
    if facts.sharing:
        return f"{_said(facts.sharing)} share the traffic"
    return "no version answers" if facts.served is None else f"version {facts.served} answers"


def _said(versions: Sequence[int]) -> str:
    return " and ".join(f"version {version}" for version in versions)


def _idle(facts: ObservedState, said: str) -> str:
    return f"{said[0].upper()}{said[1:]}, {_against(facts)}"
