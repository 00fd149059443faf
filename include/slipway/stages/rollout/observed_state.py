"""Observed state of a model: its aliases, its traffic, and how reasons describe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

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
        registered: Digest of the versions that aliases name, by number, as the registry has it.
        running: Digest of the versions that the platform runs, by number.
        unverified: Versions that an alias names, nothing runs, and no verification passed.
        gone: Versions with a share that are not in the registry any more.
        unserved: Versions that run although they neither have a share nor are kept.
        candidates: Versions that have a candidate's server.
        fallback: Version that the unfinished rollout returns to if it fails.
        is_starting: Whether the one version that takes every request starts with its platform, so
            that nothing is known of it yet.
        kept: Versions kept warm without a share.
    """

    champion: int | None
    previous: int | None
    challenger: int | None
    blocked: Mapping[int, str]
    served: int | None
    unfinished: tuple[Action, int] | None
    sharing: tuple[int, ...] = ()
    edited: str | None = None
    registered: Mapping[int, str] = field(default_factory=dict)
    running: Mapping[int, str] = field(default_factory=dict)
    unverified: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()
    unserved: tuple[int, ...] = ()
    candidates: tuple[int, ...] = ()
    fallback: int | None = None
    is_starting: bool = False
    kept: tuple[int, ...] = ()

    def is_new(self, version: int | None) -> bool:
        """Whether a number of the registry stands for bytes that nobody verified.

        A model that was deleted and registered again gives its numbers to other bytes.
        """
        if version is None or version in self.unverified:
            return version is not None
        here = self.running.get(version)
        return here is not None and self.registered.get(version, here) != here

    def digest(self, version: int | None) -> str | None:
        """Digest of what a number stands for: of what runs, else of what the registry has."""
        return None if version is None else {**self.registered, **self.running}.get(version)

    @property
    def standing(self) -> int | None:
        """The champion, unless it does not serve and may not: it is blocked, or not verified."""
        if self.champion is None or self.champion == self.served:
            return self.champion
        is_unfit = self.champion in self.blocked or self.is_new(self.champion)
        return None if is_unfit else self.champion

    @property
    def stands(self) -> int | None:
        """The version that takes every request, or took every one before an unfinished rollout."""
        is_back = self.served is None and self.fallback in self.sharing
        return self.fallback if is_back else self.served

    @property
    def stays(self) -> int | None:
        """Of versions that share the traffic, the champion, else the unfinished one's fallback."""
        return next((one for one in (self.standing, self.fallback) if one in self.sharing), None)

    @property
    def canaries(self) -> tuple[int, ...]:
        """Versions that share the traffic with the champion, or with what stands for it."""
        if self.stays is None:
            return ()
        return tuple(version for version in self.sharing if version != self.stays)

    @property
    def unpromoted(self) -> int | None:
        """The version that has every request since a rollout that did not make it champion.

        None without a champion that may serve instead.
        """
        if self.served is None or self.unfinished != ("roll_out", self.served):
            return None
        return None if self.standing in {None, self.served} else self.served

    @property
    def unfit(self) -> tuple[int, ...]:
        """Versions with a share that may not have one: blocked by an outcome, or deleted."""
        taking = self.sharing or (() if self.served is None else (self.served,))
        return tuple(
            version
            for version in taking
            if version != self.champion and (version in self.blocked or version in self.gone)
        )

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        blocked = {str(version): outcome for version, outcome in self.blocked.items()}
        unfinished = list(self.unfinished) if self.unfinished else None
        sharing = list(self.sharing)
        value = {**asdict(self), "blocked": blocked, "unfinished": unfinished, "sharing": sharing}
        digests = {
            name: {str(version): sha256 for version, sha256 in value.pop(name).items()}
            for name in ("registered", "running")
        }
        # Rarely set; omitted otherwise, so that the digest in a run's name stays the same.
        rare = (
            "edited",
            "unverified",
            "gone",
            "unserved",
            "candidates",
            "fallback",
            "is_starting",
        )
        # No action depends on it, and `running` has its versions.
        del value["kept"]
        return {name: one for name, one in value.items() if name not in rare or one} | digests


@dataclass(frozen=True)
class RolloutDecision:
    """Action of a rollout, the version it concerns, and the reason."""

    action: Action
    version: int | None
    reason: str


def describe_sharing(state: ObservedState) -> str:
    """Describe which canaries share the traffic with the champion."""
    verb = "shares" if len(state.canaries) == 1 else "share"
    return f"{join_versions(state.canaries)} {verb} the traffic with version {state.stays}"


def describe_unfit(state: ObservedState) -> str:
    """Describe which versions take requests though they may not."""
    outcomes = [
        f"version {version} takes requests though it was "
        + ("deleted in the registry" if version in state.gone else state.blocked[version])
        for version in state.unfit
    ]
    return " and ".join(outcomes).replace("_", " ")


def describe_served(state: ObservedState) -> str:
    """Describe what is served, as the end of a sentence."""
    if state.served is None:
        return f"and {describe_traffic(state)} just now."
    return f"and version {state.served} is served."


def describe_traffic(state: ObservedState) -> str:
    """Describe which versions answer requests."""
    if state.sharing:
        return f"{join_versions(state.sharing)} share the traffic"
    return "no version answers" if state.served is None else f"version {state.served} answers"


def join_versions(versions: Sequence[int]) -> str:
    """Return versions as a list in a sentence."""
    return " and ".join(f"version {version}" for version in versions)
