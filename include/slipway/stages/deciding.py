"""Which rollout mends the difference between what is served and what should be; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from slipway.errors import BadParameter

Action = Literal["nothing", "roll_out", "roll_back", "repair"]


@dataclass(frozen=True)
class Facts:
    """What a decision may look at.

    Attributes:
        champion: Version by that alias.
        previous: Version by that alias.
        challenger: Version by that alias.
        blocked: Why a version may not be rolled out again by itself, by version.
        served: The one version that answers every request; None when there is no such.
        unfinished: Action and version of the rollout that last changed the traffic, if it has not
            made its version champion.
    """

    champion: int | None
    previous: int | None
    challenger: int | None
    blocked: Mapping[int, str]
    served: int | None
    unfinished: tuple[Action, int] | None

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        blocked = {str(version): why for version, why in self.blocked.items()}
        unfinished = list(self.unfinished) if self.unfinished else None
        return {**asdict(self), "blocked": blocked, "unfinished": unfinished}


@dataclass(frozen=True)
class Decision:
    """What a rollout shall do, with which version, and why."""

    action: Action
    version: int | None
    reason: str


def decide(facts: Facts, to: str) -> Decision:
    """What mends the difference between what is served and what should be; pure.

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


def _towards_challenger(facts: Facts) -> Decision:
    unfinished = _to_finish(facts)
    if unfinished is not None:
        return unfinished
    champion, challenger, served = facts.champion, facts.challenger, facts.served
    is_other = served is None or served not in {champion, challenger}
    if champion is not None and is_other:
        found = "no version" if served is None else f"version {served}"
        reason = f"version {champion} is champion, but {found} answers."
        return Decision("repair", champion, reason)
    if challenger is None:
        return Decision("nothing", None, _idle(facts, "there is no challenger"))
    if challenger in facts.blocked:
        why = facts.blocked[challenger].replace("_", " ")
        said = f"challenger {challenger} was {why} before; its number as `to` overrides that"
        return Decision("nothing", None, _idle(facts, said))
    if challenger == champion:
        return Decision("nothing", None, _idle(facts, "the challenger is the champion"))
    return Decision(
        "roll_out", challenger, f"version {challenger} is challenger, {_against(facts)}"
    )


def _towards_previous(facts: Facts) -> Decision:
    unfinished = _to_finish(facts)
    if unfinished is not None and unfinished.action == "roll_back":
        return unfinished
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
    return Decision("roll_back", facts.previous, reason)


def _towards_version(facts: Facts, version: int) -> Decision:
    if facts.champion == version:
        if facts.served == version:
            said = f"version {version} is champion and served"
            return Decision("nothing", None, _idle(facts, said))
        return Decision("repair", version, f"version {version} is champion, but is not served.")
    backwards = facts.champion is not None and version < facts.champion
    reason = f"version {version} was asked for by number, {_against(facts)}"
    return Decision("roll_back" if backwards else "roll_out", version, reason)


def _to_finish(facts: Facts) -> Decision | None:
    if facts.unfinished is None:
        return None
    action, version = facts.unfinished
    if facts.served != version or facts.champion == version:
        return None
    reason = f"version {version} is served since a rollout that did not make it champion."
    return Decision(action, version, reason)


def _against(facts: Facts) -> str:
    if facts.served is None:
        return "and no version answers just now."
    return f"and version {facts.served} is served."


def _idle(facts: Facts, said: str) -> str:
    return f"{said[0].upper()}{said[1:]}, {_against(facts)}"
