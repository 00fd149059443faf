"""The head of a training run: which request it works on; `answering` is its tail.

Level-triggered: what the state of tables, clock and registry asks for is asked for once,
and an accepted request that nobody answered is taken up again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from croniter import croniter

from slipway.errors import BadParameter
from slipway.records import requests
from slipway.records.requests import Request
from slipway.records.runs import Attempt, RunRef, perform
from slipway.records.store import digest, encode
from slipway.records.verdicts import Verdict
from slipway.stages.rollout.reconcile import BLOCKED, ROLLOUT_TAG
from slipway.stages.train.close_request import about
from slipway.stages.train.retrain_policy import Facts, judge

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tables import Tables


BEFORE_ANY_FEATURES = datetime(1970, 1, 1, tzinfo=UTC)


def accept(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    store: Store,
    tables: Tables,
    registry: Registry,
    origin: Mapping[str, Any],
    asked: Mapping[str, str] | None = None,
) -> Verdict:
    """Which request a training run works on: `accept` with its number, `suppress` or `nothing`.

    Files what the state asks for, decides on every undecided request, and records each decision.
    A request that was accepted before and has no answer yet is taken up again.

    Args:
        spec: The model.
        dataset: Its dataset.
        store: Where requests and records live.
        tables: Labels and event clock.
        registry: Whether there is a model already.
        origin: Who runs this.
        asked: A person's request, `reason` and `by`; none: nobody asks. Asked again by the same
            run (`run_id` of the origin), or in the same words at the same time, it is the same.

    Raises:
        BadParameter: A person asks without a reason or a name.
    """
    labels_table = f"{dataset.dataset}/labels"
    labels_version, labels = tables.version(labels_table), tables.count(labels_table)
    clock = tables.newest(f"{dataset.dataset}/features", dataset.event_time) or BEFORE_ANY_FEATURES
    if asked is not None:
        _file_persons(store, spec.model, asked, clock=clock, origin=origin)
    if labels_version is not None and clock != BEFORE_ANY_FEATURES:
        _file_due(spec, store, registry, clock=clock, labels=labels, labels_version=labels_version)
    suppressed: Verdict | None = None
    undecided = requests.open_requests(store, spec.model)
    for request in sorted(undecided, key=lambda one: (one.kind != "person", one.number)):
        verdict = _decide(spec, store, request, clock=clock, labels=labels, origin=origin)
        suppressed = verdict if verdict.action == "suppress" else suppressed
    current = requests.in_flight(store, spec.model)
    if current is not None:
        reason = f"Request {current.number} ({current.kind}): {current.reason}"
        return Verdict("accept", reason, about(current))
    return suppressed or Verdict("nothing", "Nobody asks for a new model.")


def _decide(
    spec: ModelSpec,
    store: Store,
    request: Request,
    *,
    clock: datetime,
    labels: int,
    origin: Mapping[str, Any],
) -> Verdict:
    def work(_: Attempt) -> Verdict:
        facts = _facts(store, spec.model, clock=clock, labels=labels)
        judged = judge(request.kind, facts, spec.retraining)
        numbers = {**judged.numbers, **about(request)}
        return Verdict(judged.action, judged.reason, numbers, request.evidence)

    ref = RunRef(spec.model, request.run, "accept")
    inputs = {"request": request.number, "kind": request.kind, "asked": request.reason}
    verdict = perform(store, ref, work, inputs=inputs, origin=origin).verdict
    requests.decide(
        store,
        request,
        action="accept" if verdict.action == "accept" else "suppress",
        reason=verdict.reason,
        numbers=verdict.numbers,
    )
    return verdict


def _facts(store: Store, model: str, *, clock: datetime, labels: int) -> Facts:
    trained_labels: int | None = None
    last_automatic: datetime | None = None
    for request, numbers in _accepted(store, model):
        given = requests.find_answer(store, request)
        if given is not None and given.outcome == "failed":
            # It learnt from nothing; what made it fail may be mended by now.
            continue
        if trained_labels is None:
            trained_labels = int(numbers["labels"])
        if request.kind != "person":
            last_automatic = datetime.fromisoformat(numbers["clock"])
            break
    current = requests.in_flight(store, model)
    in_flight = current.number if current else None
    return Facts(clock, labels, trained_labels, in_flight, last_automatic)


def _accepted(store: Store, model: str) -> Iterator[tuple[Request, Mapping[str, Any]]]:
    """Accepted requests with the numbers of their decisions, newest first."""
    for request in reversed(requests.all_requests(store, model)):
        decision = requests.find_decision(store, request)
        if decision is not None and decision.action == "accept":
            yield request, decision.numbers


def _file_persons(
    store: Store,
    model: str,
    asked: Mapping[str, str],
    *,
    clock: datetime,
    origin: Mapping[str, Any],
) -> None:
    reason, by = asked.get("reason", "").strip(), asked.get("by", "").strip()
    if not reason or not by:
        raise BadParameter(
            f"{model} cannot be retrained on a person's request",
            expected="a reason and who asks",
            found="no reason" if by else "nobody's name",
        )
    at = clock.isoformat()
    identity = origin.get("run_id") or digest(encode([reason, by, at]))[:12]
    unique = f"person-{identity}"
    requests.file_request(store, model, kind="person", reason=reason, at=at, by=by, unique=unique)


def _file_due(
    spec: ModelSpec,
    store: Store,
    registry: Registry,
    *,
    clock: datetime,
    labels: int,
    labels_version: int,
) -> None:
    """File what nobody but the state of things asks for: a first model, a batch, a cron tick."""
    model, policy = spec.model, spec.retraining
    if labels < policy.first_after_labels:
        return

    def file(kind: requests.Kind, reason: str, unique: str) -> None:
        requests.file_request(
            store, model, kind=kind, reason=reason, at=clock.isoformat(), by="accept", unique=unique
        )

    if not _has_model(registry, model):
        if requests.in_flight(store, model) is None:
            reason = f"There is no model that may serve yet, and {labels} labels have arrived."
            file("first", reason, f"first-labels-{labels_version}")
        return
    if policy.on_batch:
        reason = f"Labels have arrived; there are {labels} now."
        file("batch", reason, f"batch-labels-{labels_version}")
    tick = _due_tick(store, model, policy.cron, clock)
    if tick is not None:
        reason = f"The event clock has passed {tick:%Y-%m-%d %H:%M} UTC ({policy.cron})."
        file("cron", reason, f"cron-{tick.isoformat()}")


def _has_model(registry: Registry, model: str) -> bool:
    """Whether one serves, or may; a first challenger that was refused would wait for ever."""
    if registry.alias(model, "champion") is not None:
        return True
    challenger = registry.alias(model, "challenger")
    return challenger is not None and challenger.tags.get(ROLLOUT_TAG) not in BLOCKED


def _due_tick(store: Store, model: str, cron: str | None, clock: datetime) -> datetime | None:
    """The newest tick up to the event clock, if nothing has been accepted since."""
    if cron is None:
        return None
    accepted = next(_accepted(store, model), None)
    if accepted is None:
        return None
    # `get_prev` looks strictly before its start, and ticks fall on whole minutes.
    tick: datetime = croniter(cron, clock + timedelta(seconds=1)).get_prev(datetime)
    return tick if tick > datetime.fromisoformat(accepted[1]["clock"]) else None
