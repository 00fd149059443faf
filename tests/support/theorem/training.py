"""The train DAG of a script: only its stages between two stores are real."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slipway.records import requests
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.ports.registry import Registry
from slipway.stages.train.accept_request import PersonRequest, accept
from slipway.stages.train.close_request import answer
from slipway.stages.train.promote import promote_challenger
from tests.support.theorem.steps import GOOD

Log = Callable[..., tuple[str, str]]
"""Logs a model of a quality under a run key; its address in MLflow, and its digest."""


def run_train_dag(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    quality: str,
    context: RunContext,
    tables: Any,
    registry: Registry,
    log: Log,
) -> None:
    """Run the stages from a request to its answer.

    Args:
        spec: The model.
        dataset: Its dataset.
        quality: Of the version, for a request by a person; empty: only what is open is resumed.
        context: Store and origin of the run.
        tables: Labels and event clock.
        registry: Versions and aliases.
        log: Logs the trained model.
    """
    person = PersonRequest(f"wants a version that is {quality}", "ada", without_champion=True)
    accepted = accept(
        spec,
        dataset,
        context=context,
        tables=tables,
        registry=registry,
        person_request=person if quality else None,
    )
    if accepted.action != "accept":
        return
    request = requests.read_request(
        context.store, spec.model, int(accepted.numbers["request"] or 0)
    )
    wanted = request.reason.removeprefix("wants a version that is ") or GOOD

    def stage(name: str, decide: Callable[[], Verdict]) -> None:
        ref = RunRef(spec.model, request.run, name)
        perform(context, ref, lambda _: decide(), inputs={})

    def train() -> Verdict:
        uri, sha256 = log(wanted, run_key=f"{spec.model}/{request.run}")
        evidence = {"model_uri": uri, "manifest_sha256": sha256}
        return Verdict("trained", "done", {"training_end": "2013-01-01"}, evidence)

    def gate() -> Verdict:
        champion = registry.alias(spec.model, "champion")
        numbers = {
            "champion.version": None if champion is None else champion.version,
            "challenger.roc_auc": 0.9,
            "disagreement": 0.5,
            "disagreement.spread": 0.1,
            "disagreement.correlation": 1.0,
        }
        return Verdict("promote", "Better.", numbers)

    pins = {"features_version": 1, "labels_version": 1, "as_of": "2013-01-01"}
    stage("snapshot", lambda: Verdict("pinned", "done", pins))
    stage("train", train)
    stage("evaluate", lambda: Verdict("evaluated", "done"))
    stage("gate", gate)
    promote_challenger(spec, request=request, context=context, registry=registry)
    answer(spec, request=request, context=context)
