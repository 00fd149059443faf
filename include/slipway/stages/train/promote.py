"""Promote a trained model to challenger: the gates decide, then the registry is changed."""

from __future__ import annotations

import json
from dataclasses import replace

from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.requests import Request
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, find_record, need_record
from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.model import decision, sbom, version_tags
from slipway.stages.model.agreement import EVIDENCE
from slipway.stages.model.aliases import CHALLENGER, CHAMPION
from slipway.stages.model.ledger_anchors import anchor_ledgers, require_unbroken
from slipway.stages.model.registered_tags import keep_registered_tags
from slipway.stages.model.registry_losses import RegistryLoss, find_lost_champion
from slipway.stages.model.shipped import REFIT, TRAIN, shipping_stage
from slipway.stages.model.sign_version import UNSIGNED, Signing, sign_version
from slipway.stages.ports.registry import ModelVersion, Registry
from slipway.stages.train import engine_choice
from slipway.stages.train.dry_run import DRY_RUN, as_dry_run, is_dry_run
from slipway.stages.train.gates import gate
from slipway.stages.train.register_version import register_version


def gate_challenger(spec: ModelSpec, *, request: Request, context: RunContext) -> RunRecord:
    """Apply the gates to the evaluation and record their verdict.

    Raises:
        NotFound: The evaluation has not finished.
    """
    ref = RunRef(spec.model, request.run, "gate")
    evaluated = need_record(context.store, ref.beside("evaluate"))

    def decide(_: Attempt) -> Verdict:
        verdict = gate(spec.gates, evaluated.verdict.numbers)
        verdict = as_dry_run(verdict) if is_dry_run(spec, request) else verdict
        return replace(verdict, evidence={"evaluation": evaluated.ref.key})

    return perform(
        context,
        ref,
        decide,
        inputs={"request": request.number, "evaluation": evaluated.ref.key},
    )


def promote_challenger(
    spec: ModelSpec,
    *,
    request: Request,
    context: RunContext,
    registry: Registry,
    signing: Signing = UNSIGNED,
) -> RunRecord:
    """Register and sign the trained model or its refit as `challenger`, or refuse it.

    In a dry run neither is done.

    Its number is one that no version of the model had before.
    It is refused when a gate does not hold, when its refit is not like the judged model, and when
    the champion is no longer the version that it was compared with.

    Raises:
        NotFound: The gate has not decided, or the spec asks for a refit and there is none.
        BadParameter: Signatures are required, and the signing key cannot make them.
        RegistryUnavailable: The MLflow server does not answer.
        KeyServiceUnavailable: The service that holds the signing key does not answer.
        Superseded: A newer attempt has begun.
        Tampered: A ledger does not continue what was anchored; nothing is registered.
    """
    store = context.store
    ref = RunRef(spec.model, request.run, "promote_challenger")
    gated = need_record(store, ref.beside("gate"))
    verdicts = {TRAIN: need_record(store, ref.beside(TRAIN)).verdict}
    refit = (need_record if spec.training.ship == "refit" else find_record)(
        store, ref.beside(REFIT)
    )
    if refit is not None:
        verdicts[REFIT] = refit.verdict
    stage = shipping_stage(verdicts)
    shipped = verdicts[stage]
    pinned = need_record(store, ref.beside("snapshot"))
    tags = _version_tags(request, gated=gated.verdict, shipped=shipped, pinned=pinned.verdict)
    tags |= {version_tags.SHIP: REFIT} if stage == REFIT else {}
    run_key = f"{spec.model}/{request.run}"

    def act(attempt: Attempt) -> Verdict:
        if gated.verdict.action == DRY_RUN:
            return Verdict(DRY_RUN, gated.verdict.reason, gated.verdict.numbers)
        if gated.verdict.action != "promote":
            return Verdict("refused", gated.verdict.reason, gated.verdict.numbers)
        if refit is not None and refit.verdict.action == "refused":
            return Verdict("refused", refit.verdict.reason, gated.verdict.numbers)
        refusal = _refuse_changed_champion(
            gated.verdict, registry.alias(spec.model, CHAMPION), run_key=run_key
        )
        if refusal is not None:
            loss = find_lost_champion(spec.model, store=store, registry=registry)
            return refusal if loss is None else _with_loss(refusal, loss)
        signing.check()
        require_unbroken(store, registry, spec.model, dataset=spec.dataset)
        attempt.check()
        version = register_version(
            spec.model,
            model_uri=shipped.evidence["model_uri"],
            run_key=run_key,
            tags=tags,
            store=store,
            registry=registry,
        )
        sha256 = shipped.evidence["manifest_sha256"]
        key_id = sign_version(
            version, sha256=sha256, registry=registry, signing=signing, run_key=run_key
        )
        attempt.check()
        registry.set_alias(spec.model, CHALLENGER, version.version)
        anchor_ledgers(store, registry, spec.model, dataset=spec.dataset)
        return Verdict(
            "promoted",
            f"Version {version.version} is the challenger. {gated.verdict.reason}"
            f"{f' It is the refit: {shipped.reason}' if stage == REFIT else ''}",
            {"version": version.version, **gated.verdict.numbers},
            {
                "model": f"models:/{spec.model}/{version.version}",
                **shipped.evidence,
                **keep_registered_tags(store, ref, tags),
                **({"signed_by": key_id} if key_id else {}),
            },
        )

    return perform(
        context,
        ref,
        act,
        inputs={"request": request.number, "gate": gated.ref.key},
    )


def _refuse_changed_champion(
    gated: Verdict, champion: ModelVersion | None, *, run_key: str
) -> Verdict | None:
    """Refuse when the champion is another than the gates compared with; None while it is not."""
    compared = gated.numbers["champion.version"]
    present = None if champion is None else champion.version
    # This run's own version is champion when an earlier attempt was killed after its promotion.
    if compared == present or (champion is not None and champion.run_key == run_key):
        return None
    before, after = (
        "none" if version is None else f"version {version}" for version in (compared, present)
    )
    reason = (
        f"The champion changed from {before} to {after} since the comparison, so the challenger "
        "was not compared with it."
    )
    return Verdict("refused", reason, {**gated.numbers, "champion.present": present})


def _with_loss(refusal: Verdict, loss: RegistryLoss) -> Verdict:
    """The refusal, with the way out where the registry lost the champion meanwhile."""
    return replace(refusal, reason=f"{refusal.reason} {loss.sentence}")


def _version_tags(
    request: Request, *, gated: Verdict, shipped: Verdict, pinned: Verdict
) -> dict[str, str]:
    """Tags with the facts of a version that are needed without downloading it."""
    champion = gated.numbers.get("champion.version")
    pins = {name: pinned.numbers[name] for name in ("features_version", "labels_version", "as_of")}
    metrics = {
        f"{version_tags.METRIC_PREFIX}{name.removeprefix('challenger.')}": repr(value)
        for name, value in gated.numbers.items()
        if name.startswith("challenger.")
    }
    evidence = {
        f"{version_tags.TAG_PREFIX}{name}": repr(gated.numbers[name])
        for name in EVIDENCE
        if gated.numbers.get(name) is not None
    }
    return {
        version_tags.DIGEST: shipped.evidence["manifest_sha256"],
        version_tags.REQUEST: str(request.number),
        version_tags.REASON: request.reason,
        version_tags.GATE: gated.reason,
        version_tags.COMPARED_WITH: "constant" if champion is None else f"version {champion}",
        version_tags.TRAINING_END: str(shipped.numbers["training_end"]),
        version_tags.SNAPSHOT: json.dumps(pins),
        **engine_choice.tags_of(shipped.numbers),
        **decision.tags_of(shipped.numbers),
        **sbom.tags_of(shipped.evidence),
        **metrics,
        **evidence,
    }
