"""Wire the stages of training, from a retrain request to the challenger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.wiring.stage import stage
from slipway.wiring.stage_call import StageCall
from slipway.wiring.stage_inputs import (
    APPROVE,
    DRY_RUN,
    MODEL,
    REASON,
    REJECT,
    REQUEST,
    WITHOUT_CHAMPION,
    WORKER,
)

if TYPE_CHECKING:
    from slipway.records.run_records import RunRecord
    from slipway.records.verdicts import Verdict
    from slipway.spec import ModelSpec
    from slipway.stages.train.persons_answer import PersonsAnswer


@stage(
    "accept",
    required=(MODEL,),
    optional=(REASON, WITHOUT_CHAMPION, DRY_RUN, APPROVE, REJECT),
)
def run_accept(call: StageCall) -> Verdict:
    """Put the open retrain requests before the retraining policy.

    A reason files a request first, unless it is that of a yes or no; a repeat by the same run
    files no second one.
    """
    from slipway.stages.train.accept_request import PersonRequest, accept

    reason = call.inputs.get("reason")
    by = str(call.origin.get("by", ""))
    without_champion = call.inputs.get("without_champion") == "yes"
    dry_run = call.inputs.get("dry_run") == "yes"
    said = _persons_answer(call, by=by, reason=reason or "")
    person = None
    if reason is not None and said is None:
        person = PersonRequest(reason, by, without_champion=without_champion, dry_run=dry_run)
    return accept(
        *call.model_and_dataset(),
        person_request=person,
        persons_answer=said,
        context=call.context,
        tables=call.container.tables,
        registry=call.container.registry,
    )


def _persons_answer(call: StageCall, *, by: str, reason: str) -> PersonsAnswer | None:
    """What the call says to a request that waits for a person; None: nothing."""
    from slipway.errors import BadParameter
    from slipway.stages.train.persons_answer import PersonsAnswer

    approve, reject = call.inputs.get("approve"), call.inputs.get("reject")
    if approve and reject:
        raise BadParameter(
            f"requests of {call.inputs['model']} cannot be answered",
            expected="`approve` or `reject`",
            found="both",
        )
    if approve:
        return PersonsAnswer(int(approve), "yes", by, reason)
    return PersonsAnswer(int(reject), "no", by, reason) if reject else None


@stage("snapshot", required=(MODEL, REQUEST), recorded=True)
def run_snapshot(call: StageCall) -> RunRecord:
    """Pin the table versions that the training reads."""
    from slipway.stages.train.snapshot import snapshot

    return snapshot(
        *call.model_and_dataset(),
        request=call.request(),
        context=call.context,
        tables=call.container.tables,
    )


def _search_minutes(model: ModelSpec) -> float:
    """Longest time of a search, which a training may take besides its fit."""
    return 0.0 if model.searching is None else model.searching.minutes


@stage(
    "search",
    required=(MODEL, REQUEST, WORKER),
    recorded=True,
    personal_keys=True,
    wait_minutes=_search_minutes,
)
def run_search(call: StageCall) -> RunRecord:
    """Try one worker's share of the trials of a search that several pods share."""
    from slipway.stages.train.search_share import search

    model, dataset = call.model_and_dataset()
    return search(
        model,
        dataset,
        request=call.request(),
        worker=int(call.inputs["worker"]),
        context=call.context,
        tables=call.container.tables,
        learner=call.container.learner(model, dataset),
        tools=call.container.search_tools(),
    )


@stage(
    "train",
    required=(MODEL, REQUEST),
    recorded=True,
    personal_keys=True,
    wait_minutes=_search_minutes,
)
def run_train(call: StageCall) -> RunRecord:
    """Train a challenger and log it to MLflow."""
    from slipway.stages.train.train import train

    model, dataset = call.model_and_dataset()
    return train(
        model,
        dataset,
        request=call.request(),
        context=call.context,
        tables=call.container.tables,
        learner=call.container.learner(model, dataset),
        tracking=call.container.tracking,
        code=call.container.code(),
        tools=call.container.search_tools(),
    )


@stage("evaluate", required=(MODEL, REQUEST), recorded=True, personal_keys=True)
def run_evaluate(call: StageCall) -> RunRecord:
    """Measure challenger and champion on the same rows."""
    from slipway.stages.train.evaluate import evaluate
    from slipway.stages.train.told_while import told_while
    from slipway.wiring.gate_tools import gate_tools

    with told_while(call.container.tell_progress(), "evaluating challenger and champion"):
        return evaluate(
            *call.model_and_dataset(),
            request=call.request(),
            context=call.context,
            tables=call.container.tables,
            registry=call.container.registry,
            tracking=call.container.tracking,
            load=call.container.load_package,
            tools=gate_tools(),
        )


@stage("gate", required=(MODEL, REQUEST), recorded=True)
def gate(call: StageCall) -> RunRecord:
    """Judge the challenger by its gates."""
    from slipway.stages.train import promote

    return promote.gate_challenger(
        call.container.model(call.inputs["model"]),
        request=call.request(),
        context=call.context,
    )


@stage("refit", required=(MODEL, REQUEST), recorded=True, personal_keys=True)
def refit(call: StageCall) -> RunRecord:
    """Fit a model whose gates hold again to all labelled rows."""
    from slipway.adapters.metrics import measure
    from slipway.stages.train import refit as stage

    container = call.container
    tools = stage.RefitTools(
        tables=container.tables,
        make_learner=container.make_learner,
        tracking=container.tracking,
        load=container.load_package,
        measure=measure,
        code=container.code(),
        tell=container.tell_progress(),
    )
    return stage.refit(
        container.model(call.inputs["model"]),
        request=call.request(),
        context=call.context,
        tools=tools,
    )


@stage("promote_challenger", required=(MODEL, REQUEST), recorded=True)
def promote_challenger(call: StageCall) -> RunRecord:
    """Register the challenger if its gates hold, and keep its model card."""
    from slipway.stages.card.keep_card import keep_card
    from slipway.stages.train import promote
    from slipway.wiring.pictures import drawing

    container = call.container
    record = promote.promote_challenger(
        container.model(call.inputs["model"]),
        request=call.request(),
        context=call.context,
        registry=container.registry,
        signing=container.signing,
    )
    keep_card(
        record,
        store=container.store,
        registry=container.registry,
        tracking=container.tracking,
        draw=drawing(),
    )
    return record


@stage("answer", required=(MODEL, REQUEST))
def answer(call: StageCall) -> Verdict:
    """Close the retrain request with its result."""
    from slipway.stages.train import close_request

    return close_request.answer(
        call.container.model(call.inputs["model"]),
        request=call.request(),
        context=call.context,
    )
