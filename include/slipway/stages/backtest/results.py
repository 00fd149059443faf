"""What a played policy leaves: what served each period, and what it requested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class PlayedModel:
    """A model that a policy trained.

    Attributes:
        fit: Digest of its fit; equal fits are one model, whatever policy trained them.
        classes: Its classes by their codes; None of a regression, and of older versions.
        threshold: Score above which it predicts class 1.
        seconds: Duration of its fit.
    """

    fit: str
    classes: tuple[Any, ...] | None
    threshold: float
    seconds: float


@dataclass(frozen=True)
class PlayedRequest:
    """A retrain request of a policy.

    Attributes:
        number: Its number.
        step: Number of the period at whose end it was filed.
        after: Name of that period.
        kind: `first`, `cron`, `drift`, `decay` or `batch`.
        accepted: Whether the retraining policy accepted it.
        outcome: `promoted`, `refused` or `failed`; empty where it was suppressed.
        reason: Why it was filed.
        told: Why it was suppressed, or how it ended.
        challenger: Fit of its challenger; None where none was trained.
        champion: Fit of the champion of that period; None before the first.
    """

    number: int
    step: int
    after: str
    kind: str
    accepted: bool
    outcome: str
    reason: str
    told: str
    challenger: str | None = None
    champion: str | None = None


@dataclass(frozen=True)
class PlayedPolicy:
    """A policy, played to the end of a history.

    Attributes:
        name: Name.
        about: When it retrains, in words.
        rank: Place in the order from the simplest on.
        served: Fit that served each period, by its number.
        requests: Its requests, in order.
        models: Its models, by fit.
    """

    name: str
    about: str
    rank: int
    served: Mapping[int, str]
    requests: Sequence[PlayedRequest]
    models: Mapping[str, PlayedModel]

    def to_json(self) -> dict[str, Any]:
        """Return the same value as plain JSON."""
        return asdict(self)

    @property
    def trainings(self) -> list[PlayedRequest]:
        """Accepted requests after the first model."""
        return [one for one in self.requests if one.accepted and one.kind != "first"]

    @property
    def fit_seconds(self) -> float:
        """Duration of all its fits; one that another policy shares counts for both."""
        fits = [one.challenger for one in self.requests if one.challenger is not None]
        return sum(self.models[fit].seconds for fit in fits)
