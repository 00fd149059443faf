"""Learning, wired: from a retrain request to a challenger, and to its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.wiring.stage_call import Call

if TYPE_CHECKING:
    from slipway.records.run_records import RunRecord
    from slipway.records.verdicts import Verdict


def accept(call: Call) -> Verdict:
    """The open retrain requests are put before the policy, with that of whoever gives a reason.

    The same run of the origin makes it the same request, however often it is asked again.
    """
    from slipway.stages.train import accept as retraining

    reason = call.given.get("reason")
    by = str(call.origin.get("by", ""))
    return retraining.accept(
        *call.model_and_dataset(),
        person_request=None if reason is None else {"reason": reason, "by": by},
        context=call.context,
        tables=call.shop.tables,
        registry=call.shop.registry,
    )


def snapshot(call: Call) -> RunRecord:
    """The versions that a request learns from are pinned."""
    from slipway.stages.train import snapshot as pinning

    return pinning.snapshot(
        *call.model_and_dataset(),
        request=call.request(),
        context=call.context,
        tables=call.shop.tables,
    )


def train(call: Call) -> RunRecord:
    """A challenger is learnt."""
    from slipway.stages.train import train as training

    model, dataset = call.model_and_dataset()
    return training.train(
        model,
        dataset,
        request=call.request(),
        context=call.context,
        tables=call.shop.tables,
        learner=call.shop.learner(model, dataset),
        tracking=call.shop.tracking,
        code=call.shop.code(),
    )


def evaluate(call: Call) -> RunRecord:
    """Challenger and champion are measured on the same rows."""
    from slipway.adapters.metrics import measure
    from slipway.adapters.model_package import load_package
    from slipway.stages.train import evaluate as evaluation

    return evaluation.evaluate(
        *call.model_and_dataset(),
        request=call.request(),
        context=call.context,
        tables=call.shop.tables,
        registry=call.shop.registry,
        tracking=call.shop.tracking,
        load=load_package,
        measure=measure,
    )


def gate(call: Call) -> RunRecord:
    """The challenger is judged."""
    from slipway.stages.train import promote

    return promote.gate_challenger(
        call.shop.model(call.given["model"]),
        request=call.request(),
        context=call.context,
    )


def promote_challenger(call: Call) -> RunRecord:
    """The challenger is registered, or refused."""
    from slipway.stages.train import promote

    return promote.promote_challenger(
        call.shop.model(call.given["model"]),
        request=call.request(),
        context=call.context,
        registry=call.shop.registry,
    )


def answer(call: Call) -> Verdict:
    """The request is closed."""
    from slipway.stages.train import close_request

    return close_request.answer(
        call.shop.model(call.given["model"]),
        request=call.request(),
        context=call.context,
    )
