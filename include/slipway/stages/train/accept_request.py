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
from slipway.records.approvals import find_approval
from slipway.records.run_context import RunContext
from slipway.records.store import digest, encode
from slipway.records.verdicts import Verdict
from slipway.stages.model.label_rows import count_labels, labels_table
from slipway.stages.model.registry_losses import find_lost_champion
from slipway.stages.train.close_request import complete_answers, request_numbers
from slipway.stages.train.decide_request import Moment, decide_request
from slipway.stages.train.due_again import file_again
from slipway.stages.train.due_requests import file_due
from slipway.stages.train.persons_answer import PersonsAnswer, give_answer

if TYPE_CHECKING:
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
    persons_answer: PersonsAnswer | None = None,
) -> Verdict:
    """Pick the request of a training run: `accept` with its number, `suppress`, `wait`, `nothing`.

    Files the requests that are due, applies the policy to every undecided one, and records each
    decision; an automatic one waits for a person's dry run, which is to change nothing, and by
    `mode: approve` for a person's yes. An accepted request without an answer is resumed. While
    the registry has lost the champion no request is due, and only one that leaves it out is
    accepted.

    Args:
        spec: Model.
        dataset: Its dataset.
        context: Store and origin of the run.
        tables: Labels and event clock.
        registry: Registered versions.
        person_request: `reason` and `by` of a request by a person, and whether it leaves a lost
            champion out. A repeat by the same run (`run_id` of the origin), or with the same words
            at the same event time, is the same request.
        persons_answer: What a person says to a request that waits for it.

    Raises:
        BadParameter: A person's request lacks its reason or name, or no request waits for the
            person's answer.
        NotFound: There is no request with the number of the answer.
    """
    store = context.store
    complete_answers(spec, context=context)
    labels_version = tables.version(labels_table(dataset))
    labels = count_labels(tables, dataset, spec.target)
    clock = (
        tables.newest(f"{dataset.dataset}/features", dataset.identity.time.column)
        or BEFORE_ANY_FEATURES
    )
    if persons_answer is not None:
        give_answer(store, spec.model, persons_answer)
    # Before the registry is asked, so that a person's request outlives an outage of it.
    if person_request is not None:
        _file_person_request(spec.model, person_request, context=context, clock=clock)
    loss = find_lost_champion(spec.model, store=store, registry=registry)
    lost = None if loss is None else loss.sentence
    moment = Moment(clock, labels, lost)
    if labels_version is not None and clock != BEFORE_ANY_FEATURES and lost is None:
        file_due(spec, store, registry, clock=clock, labels=labels, labels_version=labels_version)
        file_again(spec, store, registry, moment)
    held = _decide_all(spec, context=context, registry=registry, moment=moment)
    current = requests.in_flight(store, spec.model)
    if current is not None:
        reason = f"Request {current.number} ({current.kind}): {current.reason}"
        return Verdict("accept", reason, request_numbers(current))
    idle = "No retrain request is open."
    return held or Verdict("nothing", idle if lost is None else f"{idle} {lost}")


def _decide_all(
    spec: ModelSpec, *, context: RunContext, registry: Registry, moment: Moment
) -> Verdict | None:
    """Decide on every undecided request; return a verdict by which none is accepted, or None.

    People's come first, then those that people approved. Of several that wait for a person, only
    the newest goes on.
    """
    store = context.store
    undecided = requests.open_requests(store, spec.model)
    approved = {one.number for one in undecided if find_approval(store, one) is not None}
    waiting = [one for one in undecided if one.kind != "person" and one.number not in approved]
    newest = waiting[-1].number if waiting and spec.retraining.mode == "approve" else None
    ranks = {one.number: (one.kind != "person", one in waiting, one.number) for one in undecided}
    held: dict[str, Verdict] = {}
    for request in sorted(undecided, key=lambda one: ranks[one.number]):
        current = requests.in_flight(store, spec.model)
        if request.kind != "person" and current is not None and current.dry_run:
            # A dry run changes nothing, so automatic requests are decided after it.
            continue
        verdict = decide_request(
            spec,
            request,
            context=context,
            registry=registry,
            moment=moment,
            newer=newest if request in waiting and request.number != newest else None,
        )
        held[verdict.action] = verdict
    return held.get("wait") or held.get("suppress")


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
