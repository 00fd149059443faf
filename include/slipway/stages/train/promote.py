"""Promotion of a challenger: the gate decides; the registry then does as it said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slipway.records import ledger
from slipway.records.requests import Request
from slipway.records.runs import Attempt, RunRecord, RunRef, need_record, perform
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.model import sbom
from slipway.stages.model.agreement import COMPARED_WITH, EVIDENCE, TAG_PREFIX
from slipway.stages.ports.registry import ModelVersion, Registry
from slipway.stages.train import engine_choice
from slipway.stages.train.gates import CHALLENGER, CHAMPION, gate

PREVIOUS = "previous"

RUN_KEY = "slipway.run_key"
DIGEST = "slipway.digest"


def gate_challenger(
    spec: ModelSpec, *, request: Request, store: Store, origin: Mapping[str, Any]
) -> RunRecord:
    """Record of the gate's verdict on what was evaluated.

    Raises:
        NotFound: The evaluation has not finished.
    """
    ref = RunRef(spec.model, request.run, "gate")
    evaluated = need_record(store, ref.beside("evaluate"))

    def decide(_: Attempt) -> Verdict:
        verdict = gate(spec.gates, evaluated.verdict.numbers)
        return replace(verdict, evidence={"evaluation": evaluated.ref.key})

    return perform(
        store,
        ref,
        decide,
        inputs={"request": request.number, "evaluation": evaluated.ref.key},
        origin=origin,
    )


def promote_challenger(
    spec: ModelSpec,
    *,
    request: Request,
    store: Store,
    registry: Registry,
    origin: Mapping[str, Any],
) -> RunRecord:
    """Record of a registered challenger, or of its refusal.

    It is refused when the gate says so, and when another champion serves than the one that it was
    compared with.

    Raises:
        NotFound: The gate has not decided.
        RegistryUnavailable: The MLflow server does not answer.
        Superseded: A newer attempt has begun.
    """
    ref = RunRef(spec.model, request.run, "promote_challenger")
    gated = need_record(store, ref.beside("gate"))
    trained = need_record(store, ref.beside("train"))
    pinned = need_record(store, ref.beside("snapshot"))
    tags = _version_tags(
        request, gated=gated.verdict, trained=trained.verdict, pinned=pinned.verdict
    )

    run_key = f"{spec.model}/{request.run}"

    def act(attempt: Attempt) -> Verdict:
        if gated.verdict.action != "promote":
            return Verdict("refused", gated.verdict.reason, gated.verdict.numbers)
        stale = _stale(gated.verdict, registry.alias(spec.model, CHAMPION), run_key=run_key)
        if stale is not None:
            return stale
        attempt.check()
        version = registry.register(
            spec.model,
            model_uri=trained.verdict.evidence["model_uri"],
            run_key=run_key,
            tags=tags,
        )
        registry.set_alias(spec.model, CHALLENGER, version.version)
        registry.anchor(spec.model, ledger.head(store, spec.model))
        return Verdict(
            "promoted",
            f"Version {version.version} is the challenger. {gated.verdict.reason}",
            {"version": version.version, **gated.verdict.numbers},
            {"model": f"models:/{spec.model}/{version.version}", **trained.verdict.evidence},
        )

    return perform(
        store,
        ref,
        act,
        inputs={"request": request.number, "gate": gated.ref.key},
        origin=origin,
    )


def _stale(gated: Verdict, champion: ModelVersion | None, *, run_key: str) -> Verdict | None:
    """Why the gate's comparison no longer counts, or None while it does."""
    compared = gated.numbers["champion.version"]
    present = None if champion is None else champion.version
    # This run's own version is champion when an earlier attempt was killed after its promotion.
    if compared == present or (champion is not None and champion.run_key == run_key):
        return None
    before, after = (
        "none" if version is None else f"version {version}" for version in (compared, present)
    )
    reason = (
        f"The champion changed from {before} to {after} since the comparison; "
        "another request has to compare again."
    )
    return Verdict("refused", reason, {**gated.numbers, "champion.present": present})


def _version_tags(
    request: Request, *, gated: Verdict, trained: Verdict, pinned: Verdict
) -> dict[str, str]:
    """What is known of a version without opening it."""
    champion = gated.numbers.get("champion.version")
    pins = {name: pinned.numbers[name] for name in ("features_version", "labels_version", "as_of")}
    metrics = {
        f"slipway.metric.{name.removeprefix('challenger.')}": repr(value)
        for name, value in gated.numbers.items()
        if name.startswith("challenger.")
    }
    evidence = {
        f"{TAG_PREFIX}{name}": repr(gated.numbers[name])
        for name in EVIDENCE
        if gated.numbers.get(name) is not None
    }
    return {
        DIGEST: trained.evidence["manifest_sha256"],
        "slipway.request": str(request.number),
        "slipway.reason": request.reason,
        "slipway.gate": gated.reason,
        COMPARED_WITH: "constant" if champion is None else f"version {champion}",
        "slipway.training_end": str(trained.numbers["training_end"]),
        "slipway.snapshot": json.dumps(pins),
        **engine_choice.tags_of(trained.numbers),
        **sbom.tags_of(trained.evidence),
        **metrics,
        **evidence,
    }
