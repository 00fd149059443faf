"""Retrain requests: each is filed, decided by the policy and, when accepted, answered.

`requests/<model>/000001.json` is the request; `.decision.json` and `.answer.json` follow, each
created once. `.unique-<digest>.json` lets a repeat find the request with one listing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from slipway.errors import NotFound
from slipway.records.store import Store, digest, encode, find_value, reached_in, read_value
from slipway.records.verdicts import Number

RUN_PREFIX = "request-"

Kind = Literal["first", "batch", "cron", "person", "decay", "drift"]
DecisionAction = Literal["accept", "suppress"]
Outcome = Literal["promoted", "refused", "dry_run", "failed"]


@dataclass(frozen=True)
class Request:
    """Request to train a new version of a model.

    Attributes:
        model: Model.
        number: Counts from 1 within the model.
        kind: Kind of the requester.
        reason: Reason, in a sentence.
        at: Event clock at the time of filing, ISO 8601.
        by: Person or run that filed it.
        unique: Identity, for example a window's id; two requests with the same one are one.
        evidence: URI or store key by name.
        without_champion: Whether the gates may compare with the constant alone, should the
            champion be lost in the registry.
        dry_run: Whether its training is judged, and changes nothing.
    """

    model: str
    number: int
    kind: Kind
    reason: str
    at: str
    by: str
    unique: str
    evidence: Mapping[str, str]
    without_champion: bool = False
    dry_run: bool = False

    @property
    def run(self) -> str:
        """Run id of the stages that work on this request."""
        return run_of(self.number)


def run_of(number: int) -> str:
    """Return the run id of a request's stages."""
    return f"{RUN_PREFIX}{number:06d}"


def number_of(run: str) -> int | None:
    """Return the number of the request that a run works on; None: it is no request's run."""
    number = run.removeprefix(RUN_PREFIX)
    return int(number) if number != run and number.isdecimal() else None


@dataclass(frozen=True)
class Decision:
    """Decision of the retrain policy on a request.

    Attributes:
        action: `accept` or `suppress`.
        reason: Reason, in a sentence.
        numbers: The numbers that were compared, by name.
        at: Wall time, ISO 8601, UTC.
    """

    action: DecisionAction
    reason: str
    numbers: Mapping[str, Number]
    at: str


@dataclass(frozen=True)
class Answer:
    """Outcome of an accepted request.

    Attributes:
        outcome: `promoted`, `refused`, `dry_run` or `failed`.
        reason: Reason, in a sentence.
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
    without_champion: bool = False,
    dry_run: bool = False,
) -> Request:
    """File a request, or return the one that was filed with the same `unique`.

    Args:
        store: Store of the requests.
        model: Model.
        kind: Kind of the requester.
        reason: Reason, in a sentence.
        at: Event clock, ISO 8601.
        by: Person or run.
        unique: Identity of the request.
        evidence: URI or store key by name.
        without_champion: Whether a lost champion may be left out of the comparison.
        dry_run: Whether its training is judged, and changes nothing.
    """
    mark = f".unique-{digest(unique.encode())[:12]}.json"
    while True:
        names = _names(store, model)
        known = _find_unique(store, model, names, unique=unique, mark=mark)
        if known is not None:
            return known
        number = max(_numbers(names), default=0) + 1
        request = Request(
            model,
            number,
            kind,
            reason,
            at,
            by,
            unique,
            dict(evidence or {}),
            without_champion=without_champion,
            dry_run=dry_run,
        )
        if store.create(f"{_stem(model, number)}.json", encode(asdict(request))):
            store.create(f"{_stem(model, number)}{mark}", encode({"unique": unique}))
            return request


def read_request(store: Store, model: str, number: int) -> Request:
    """Return one request.

    Raises:
        NotFound: There is no such request.
    """
    try:
        return read_value(store, f"{_stem(model, number)}.json", lambda value: Request(**value))
    except NotFound as error:
        raise NotFound(
            f"{model} has no request {number}",
            where=f"requests/{model}",
            hint="`slipway status` lists the requests",
        ) from error


def all_requests(store: Store, model: str) -> list[Request]:
    """Return every request of a model, oldest first."""
    return [read_request(store, model, number) for number in _numbers(_names(store, model))]


def newest_first(store: Store, model: str) -> Iterator[Request]:
    """Read the requests of a model one by one, newest first."""
    for number in reversed(_numbers(_names(store, model))):
        yield read_request(store, model, number)


def open_requests(store: Store, model: str) -> list[Request]:
    """Return the undecided requests, oldest first."""
    names = _names(store, model)
    return [
        read_request(store, model, number)
        for number in _numbers(names)
        if f"{number:06d}.decision.json" not in names
    ]


def accepted_unanswered(store: Store, model: str) -> list[Request]:
    """Return the requests in flight: accepted and not answered, oldest first."""
    names = _names(store, model)
    decided = [
        number
        for number in _numbers(names)
        if f"{number:06d}.decision.json" in names and f"{number:06d}.answer.json" not in names
    ]
    requests = [read_request(store, model, number) for number in decided]
    return [one for one in requests if _need_decision(store, one).action == "accept"]


def accepted(store: Store, model: str) -> Iterator[tuple[Request, Mapping[str, Any]]]:
    """Accepted requests with the numbers of their decisions, newest first."""
    for request in newest_first(store, model):
        decision = find_decision(store, request)
        if decision is not None and decision.action == "accept":
            yield request, decision.numbers


def in_flight(store: Store, model: str) -> Request | None:
    """Return the request in flight, or None."""
    return next(iter(accepted_unanswered(store, model)), None)


def decide(
    store: Store,
    request: Request,
    *,
    action: DecisionAction,
    reason: str,
    numbers: Mapping[str, Number] | None = None,
) -> Decision:
    """Decide on a request and return the decision; the first one counts."""
    decision = Decision(action, reason, dict(numbers or {}), _now())
    store.create(_decision_key(request), encode(asdict(decision)))
    return _need_decision(store, request)


def find_decision(store: Store, request: Request) -> Decision | None:
    """Return the decision on a request, or None."""
    return find_value(store, _decision_key(request), lambda value: Decision(**value))


def answer(store: Store, request: Request, *, outcome: Outcome, reason: str) -> Answer:
    """Answer a request and return the answer; the first one counts."""
    key = _answer_key(request)
    store.create(key, encode(asdict(Answer(outcome, reason, _now()))))
    return read_value(store, key, lambda value: Answer(**value))


def find_answer(store: Store, request: Request) -> Answer | None:
    """Return the answer to a request, or None."""
    return find_value(store, _answer_key(request), lambda value: Answer(**value))


def _find_unique(
    store: Store, model: str, names: set[str], *, unique: str, mark: str
) -> Request | None:
    """The request filed with `unique`; reads only requests that lack their mark."""
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
    return read_value(store, _decision_key(request), lambda value: Decision(**value))


def _names(store: Store, model: str) -> set[str]:
    folder = f"requests/{model}"
    return {entry.key.removeprefix(f"{folder}/") for entry in store.list(folder)}


def _numbers(names: set[str]) -> list[int]:
    return reached_in(names, digits=6)


def key_beside(request: Request, ending: str) -> str:
    """Return the key of a further object of a request."""
    return f"{_stem(request.model, request.number)}{ending}"


def _decision_key(request: Request) -> str:
    return f"{_stem(request.model, request.number)}.decision.json"


def _answer_key(request: Request) -> str:
    return f"{_stem(request.model, request.number)}.answer.json"


def _stem(model: str, number: int) -> str:
    return f"requests/{model}/{number:06d}"


def _now() -> str:
    return datetime.now(UTC).isoformat()
