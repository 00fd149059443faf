"""Accept a retrain request: the first stage of a training run, which picks the request to work on.

Level-triggered: a request that tables, clock and registry call for is filed once, and an accepted
request without an answer is resumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slipway.errors import BadParameter
from slipway.records import requests
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.requests import Request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import digest, encode
from slipway.records.verdicts import Verdict
from slipway.stages.model.label_rows import count_labels, labels_table
from slipway.stages.model.registry_losses import find_lost_champion
from slipway.stages.train.close_request import complete_answers, request_numbers
from slipway.stages.train.due_requests import file_due
from slipway.stages.train.retrain_facts import facts_of
from slipway.stages.train.retrain_policy import apply_policy
from slipway.stages.train.training_history import past_trainings

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.stages.ports.registry import Registry
    from slipway.stages.ports.tables import Tables

BEFORE_ANY_FEATURES = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class PersonRequest:
    """Request by a person.

    Attributes:
        reason: Reason, in the person's words.
        by: The person's name.
        without_champion: Whether a lost champion is left out of the comparison.
        dry_run: Whether the training is judged, and changes nothing.
    """

    reason: str
    by: str
    without_champion: bool = False
    dry_run: bool = False


def accept(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    context: RunContext,
    tables: Tables,
    registry: Registry,
    person_request: PersonRequest | None = None,
) -> Verdict:
    """Pick the request of a training run: `accept` with its number, `suppress` or `nothing`.

    Files the requests that are due, applies the policy to every undecided one, and records each
    decision; an automatic one waits for a person's dry run, which is to change nothing. An
    accepted request without an answer is resumed. While the registry has lost the
    champion no request is due, and only one that leaves it out is accepted.

    Args:
        spec: Model.
        dataset: Its dataset.
        context: Store and origin of the run.
        tables: Labels and event clock.
        registry: Registered versions.
        person_request: `reason` and `by` of a request by a person, and whether it leaves a lost
            champion out. A repeat by the same run (`run_id` of the origin), or with the same words
            at the same event time, is the same request.

    Raises:
        BadParameter: A person's request lacks its reason or name.
    """
    store = context.store
    complete_answers(spec, context=context)
    labels_version = tables.version(labels_table(dataset))
    labels = count_labels(tables, dataset, spec.target)
    clock = (
        tables.newest(f"{dataset.dataset}/features", dataset.identity.time.column)
        or BEFORE_ANY_FEATURES
    )
    # Before the registry is asked, so that a person's request outlives an outage of it.
    if person_request is not None:
        _file_person_request(spec.model, person_request, context=context, clock=clock)
    loss = find_lost_champion(spec.model, store=store, registry=registry)
    lost = None if loss is None else loss.sentence
    if labels_version is not None and clock != BEFORE_ANY_FEATURES and lost is None:
        file_due(spec, store, registry, clock=clock, labels=labels, labels_version=labels_version)
    suppressed: Verdict | None = None
    undecided = requests.open_requests(store, spec.model)
    for request in sorted(undecided, key=lambda one: (one.kind != "person", one.number)):
        if request.kind != "person" and _is_dry_run_in_flight(store, spec.model):
            continue
        verdict = _decide(
            spec,
            request,
            context=context,
            registry=registry,
            clock=clock,
            labels=labels,
            lost_champion=lost,
        )
        suppressed = verdict if verdict.action == "suppress" else suppressed
    current = requests.in_flight(store, spec.model)
    if current is not None:
        reason = f"Request {current.number} ({current.kind}): {current.reason}"
        return Verdict("accept", reason, request_numbers(current))
    idle = "No retrain request is open."
    return suppressed or Verdict("nothing", idle if lost is None else f"{idle} {lost}")


def _is_dry_run_in_flight(store: Store, model: str) -> bool:
    """Whether a dry run is in flight, which automatic requests wait for as if there were none."""
    current = requests.in_flight(store, model)
    return current is not None and current.dry_run


def _decide(
    spec: ModelSpec,
    request: Request,
    *,
    context: RunContext,
    registry: Registry,
    clock: datetime,
    labels: int,
    lost_champion: str | None,
) -> Verdict:
    store = context.store

    def work(_: Attempt) -> Verdict:
        current = requests.in_flight(store, spec.model)
        facts = facts_of(
            past_trainings(store, registry, spec.model),
            spec.retraining,
            clock=clock,
            labels=labels,
            in_flight=None if current is None else current.number,
            lost_champion=lost_champion,
        )
        decision = apply_policy(
            request.kind,
            facts,
            spec.retraining,
            without_champion=request.without_champion,
        )
        numbers = {**decision.numbers, **request_numbers(request)}
        return Verdict(decision.action, decision.reason, numbers, request.evidence)

    ref = RunRef(spec.model, request.run, "accept")
    inputs = {"request": request.number, "kind": request.kind, "asked": request.reason}
    verdict = perform(context, ref, work, inputs=inputs).verdict
    requests.decide(
        store,
        request,
        action="accept" if verdict.action == "accept" else "suppress",
        reason=verdict.reason,
        numbers=verdict.numbers,
    )
    return verdict


def _file_person_request(
    model: str, person_request: PersonRequest, *, context: RunContext, clock: datetime
) -> None:
    reason, by = person_request.reason.strip(), person_request.by.strip()
    if not reason or not by:
        raise BadParameter(
            f"{model} cannot be retrained on a person's request",
            expected="a reason and the person's name",
            found="no reason" if by else "no name",
        )
    at = clock.isoformat()
    flags = ("without_champion", "dry_run")
    chosen = [flag for flag in flags if getattr(person_request, flag)]
    identity = context.origin.get("run_id") or digest(encode([reason, by, at, *chosen]))[:12]
    requests.file_request(
        context.store,
        model,
        kind="person",
        reason=reason,
        at=at,
        by=by,
        unique=f"person-{identity}",
        without_champion=person_request.without_champion,
        dry_run=person_request.dry_run,
    )
