"""Retrain requests: who asked for a new model and why, what the policy said, how it ended.

`requests/<model>/000001.json` is the request, `.decision.json` and `.answer.json` follow it,
each created once. `.unique-<digest>.json` marks what has been asked for,
so that filing the same request again costs one listing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from slipway.errors import NotFound
from slipway.records.store import Store, digest, encode, find_json, read_json
from slipway.records.verdicts import Number

Kind = Literal["first", "batch", "cron", "person", "decay", "drift"]
DecisionAction = Literal["accept", "suppress"]
Outcome = Literal["promoted", "refused", "failed"]


@dataclass(frozen=True)
class Request:
    """Somebody's or something's wish for a new model.

    Attributes:
        model: Which model.
        number: Counts from 1 within the model.
        kind: What asked.
        reason: Why, in a sentence.
        at: Event-clock time of the asking, ISO 8601.
        by: The person, or the run that filed it.
        unique: What makes it this request and no other, e.g. a window's id.
        evidence: Where to look: name to URI or store key.
    """

    model: str
    number: int
    kind: Kind
    reason: str
    at: str
    by: str
    unique: str
    evidence: Mapping[str, str]

    @property
    def run(self) -> str:
        """Run id of all the stages that this request starts."""
        return f"request-{self.number:06d}"


@dataclass(frozen=True)
class Decision:
    """What the policy said to a request.

    Attributes:
        action: `accept` or `suppress`.
        reason: Why, in a sentence.
        numbers: The numbers that were compared, by name.
        at: Wall time, ISO 8601, UTC.
    """

    action: DecisionAction
    reason: str
    numbers: Mapping[str, Number]
    at: str


@dataclass(frozen=True)
class Answer:
    """How an accepted request ended.

    Attributes:
        outcome: `promoted`, `refused` or `failed`.
        reason: Why, in a sentence.
        at: Wall time, ISO 8601, UTC.
    """

    outcome: Outcome
    reason: str
    at: str


def file_request(
    store: Store,
    model: str,
    *,
    kind: Kind,
    reason: str,
    at: str,
    by: str,
    unique: str,
    evidence: Mapping[str, str] | None = None,
) -> Request:
    """The request, filed now, or as it was filed when `unique` was first asked for.

    Args:
        store: Where requests live.
        model: Which model.
        kind: What asks.
        reason: Why, in a sentence.
        at: Event-clock time, ISO 8601.
        by: The person, or the run.
        unique: Two requests with the same value are one.
        evidence: Where to look: name to URI or store key.
    """
    mark = f".unique-{digest(unique.encode())[:12]}.json"
    while True:
        names = _names(store, model)
        known = _find_unique(store, model, names, unique=unique, mark=mark)
        if known is not None:
            return known
        number = max(_numbers(names), default=0) + 1
        request = Request(model, number, kind, reason, at, by, unique, dict(evidence or {}))
        if store.create(f"{_stem(model, number)}.json", encode(asdict(request))):
            store.create(f"{_stem(model, number)}{mark}", encode({"unique": unique}))
            return request


def read_request(store: Store, model: str, number: int) -> Request:
    """One request.

    Raises:
        NotFound: There is no such request.
    """
    try:
        return Request(**read_json(store, f"{_stem(model, number)}.json"))
    except NotFound as error:
        raise NotFound(
            f"{model} has no request {number}",
            where=f"requests/{model}",
            hint="`slipway status` lists the requests",
        ) from error


def all_requests(store: Store, model: str) -> list[Request]:
    """Every request of a model, oldest first."""
    return [read_request(store, model, number) for number in _numbers(_names(store, model))]


def open_requests(store: Store, model: str) -> list[Request]:
    """Requests that the policy has not decided on, oldest first."""
    names = _names(store, model)
    return [
        read_request(store, model, number)
        for number in _numbers(names)
        if f"{number:06d}.decision.json" not in names
    ]


def accepted_unanswered(store: Store, model: str) -> list[Request]:
    """Requests that are being worked on, oldest first."""
    names = _names(store, model)
    decided = [
        number
        for number in _numbers(names)
        if f"{number:06d}.decision.json" in names and f"{number:06d}.answer.json" not in names
    ]
    requests = [read_request(store, model, number) for number in decided]
    return [one for one in requests if _need_decision(store, one).action == "accept"]


def in_flight(store: Store, model: str) -> Request | None:
    """The request that is being worked on, or None."""
    return next(iter(accepted_unanswered(store, model)), None)


def decide(
    store: Store,
    request: Request,
    *,
    action: DecisionAction,
    reason: str,
    numbers: Mapping[str, Number] | None = None,
) -> Decision:
    """The decision on a request: this one, or the one that was there first."""
    decision = Decision(action, reason, dict(numbers or {}), _now())
    store.create(_decision_key(request), encode(asdict(decision)))
    return _need_decision(store, request)


def find_decision(store: Store, request: Request) -> Decision | None:
    """What the policy said to a request, or None."""
    value = find_json(store, _decision_key(request))
    return None if value is None else Decision(**value)


def answer(store: Store, request: Request, *, outcome: Outcome, reason: str) -> Answer:
    """The answer to a request: this one, or the one that was there first."""
    key = _answer_key(request)
    store.create(key, encode(asdict(Answer(outcome, reason, _now()))))
    return Answer(**read_json(store, key))


def find_answer(store: Store, request: Request) -> Answer | None:
    """How a request ended, or None."""
    value = find_json(store, _answer_key(request))
    return None if value is None else Answer(**value)


def _find_unique(
    store: Store, model: str, names: set[str], *, unique: str, mark: str
) -> Request | None:
    """The request filed under `unique`; only requests whose filing was cut short are read."""
    for number in _numbers(names):
        stem = f"{number:06d}"
        if f"{stem}{mark}" in names:
            return read_request(store, model, number)
        if not any(name.startswith(f"{stem}.unique-") for name in names):
            request = read_request(store, model, number)
            if request.unique == unique:
                return request
    return None


def _need_decision(store: Store, request: Request) -> Decision:
    return Decision(**read_json(store, _decision_key(request)))


def _names(store: Store, model: str) -> set[str]:
    folder = f"requests/{model}"
    return {entry.key.removeprefix(f"{folder}/") for entry in store.list(folder)}


def _numbers(names: set[str]) -> list[int]:
    stems = (name.removesuffix(".json") for name in names)
    return sorted(int(stem) for stem in stems if stem.isdecimal())


def _decision_key(request: Request) -> str:
    return f"{_stem(request.model, request.number)}.decision.json"


def _answer_key(request: Request) -> str:
    return f"{_stem(request.model, request.number)}.answer.json"


def _stem(model: str, number: int) -> str:
    return f"requests/{model}/{number:06d}"


def _now() -> str:
    return datetime.now(UTC).isoformat()
