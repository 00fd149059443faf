"""Decide one retrain request by the policy and record that, or let it wait for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from slipway.records import requests
from slipway.records.approvals import find_approval
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRef, find_record
from slipway.records.verdicts import Verdict
from slipway.records.withdrawals import find_withdrawal
from slipway.stages.train.close_request import request_numbers
from slipway.stages.train.retrain_facts import RetrainFacts, facts_of
from slipway.stages.train.retrain_policy import PolicyDecision, Standing, apply_policy
from slipway.stages.train.training_history import past_trainings

if TYPE_CHECKING:
    from slipway.records.requests import Request
    from slipway.records.run_context import RunContext
    from slipway.records.store import Store
    from slipway.spec import ModelSpec
    from slipway.stages.ports.registry import Registry


@dataclass(frozen=True)
class Moment:
    """State of a dataset and its model when requests are decided.

    Attributes:
        clock: The dataset's event clock.
        labels: Labels that have arrived.
        lost_champion: The loss of the champion in the registry, in words, or None.
    """

    clock: datetime
    labels: int
    lost_champion: str | None


def read_facts(spec: ModelSpec, store: Store, registry: Registry, moment: Moment) -> RetrainFacts:
    """Read the facts that the policy decides on."""
    current = requests.in_flight(store, spec.model)
    return facts_of(
        past_trainings(store, registry, spec.model),
        spec.retraining,
        clock=moment.clock,
        labels=moment.labels,
        in_flight=None if current is None else current.number,
        lost_champion=moment.lost_champion,
    )


def decide_request(
    spec: ModelSpec,
    request: Request,
    *,
    context: RunContext,
    registry: Registry,
    moment: Moment,
    newer: int | None = None,
) -> Verdict:
    """Decide on a request: `accept` or `suppress`, recorded; or `wait`, which is not.

    Args:
        spec: Model.
        request: A request without a decision.
        context: Store and origin of the run.
        registry: How the rollouts of promoted versions ended.
        moment: State of dataset and model.
        newer: Number of a newer request that waits for a person in its place.
    """
    store = context.store
    ref = RunRef(spec.model, request.run, "accept")

    def judge() -> PolicyDecision:
        withdrawn = find_withdrawal(store, request)
        return apply_policy(
            request.kind,
            read_facts(spec, store, registry, moment),
            spec.retraining,
            standing=Standing(
                without_champion=request.without_champion,
                approval=find_approval(store, request),
                withdrawn=None if withdrawn is None else withdrawn.reason,
                newer=newer,
            ),
        )

    # A decision that was recorded by a run that was killed since is carried out as it is.
    judged = judge() if find_record(store, ref) is None else None
    if judged is not None and judged.action == "wait":
        command = f"`slipway approve {spec.model} {request.number}`, or the same with `--no`"
        hint = "" if "approved_by" in judged.numbers else f" It is given by {command}."
        numbers = {**judged.numbers, **request_numbers(request)}
        return Verdict("wait", f"{judged.reason}{hint}", numbers, request.evidence)

    def work(_: Attempt) -> Verdict:
        decision = judged or judge()
        numbers = {**decision.numbers, **request_numbers(request)}
        return Verdict(decision.action, decision.reason, numbers, request.evidence)

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
