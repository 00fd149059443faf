"""Verify a candidate before it takes traffic: boot the real server and replay recent rows.

No client waits for the replayed rows. The answers are compared with the candidate's offline
predictions and with the champion's scores, and bad inputs have to be refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import (
    BadParameter,
    BadRequest,
    BadSignature,
    NotComputable,
    NotFound,
    RegistryUnavailable,
    RolloutRefused,
    Tampered,
)
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.scratch_folder import scratch_folder
from slipway.records.store import Store, encode
from slipway.records.verdicts import Verdict
from slipway.records.verified_versions import find_verification
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.model.agreement import RowScores, compare_with_champion
from slipway.stages.model.class_scores import align_scores, known_to_any
from slipway.stages.model.score_shape import measure_shape
from slipway.stages.ports.package import LoadPackage, Package
from slipway.stages.ports.registry import Registry
from slipway.stages.ports.tables import Tables
from slipway.stages.rollout.candidate_verdict import judge_candidate
from slipway.stages.rollout.carry_out import carried_out_by_holder
from slipway.stages.rollout.lease import keep_lease, release_lease
from slipway.stages.rollout.plan import RolloutPlan, read_plan
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.replay import Replay, ReplayResult, recent_rows
from slipway.stages.rollout.served_before import name_failed_rollback
from slipway.stages.rollout.version_outcome import REFUSED, VERIFIED

if TYPE_CHECKING:
    import pandas as pd


def verify(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    rollout: str,
    context: RunContext,
    registry: Registry,
    platform: Platform,
    tables: Tables,
    load: LoadPackage,
) -> RunRecord:
    """Verify a rollout's candidate in the real server: `verified` or `refused`.

    Args:
        spec: The model.
        dataset: Its dataset.
        rollout: Run id that `reconcile` gave.
        context: Store of the records, and origin.
        registry: Registry and tags of versions.
        platform: Boots the model server.
        tables: Rows to replay.
        load: Loads a version's folder, for offline predictions.

    Raises:
        Superseded: Another rollout took over.
    """
    store = context.store
    plan = read_plan(store, spec.model, rollout)
    ref = RunRef(spec.model, rollout, "verify")

    def work(_: Attempt) -> Verdict:
        try:
            with keep_lease(store, plan):
                verdict = _boot_and_replay(
                    plan,
                    spec,
                    dataset,
                    registry=registry,
                    platform=platform,
                    tables=tables,
                    load=load,
                    keep=lambda sample: store.write(sample_key(ref), encode(sample)),
                )
            return name_failed_rollback(plan, verdict)
        except RegistryUnavailable as error:
            earlier = _verified_before(plan, store, platform)
            if earlier is None:
                raise
            store.write(sample_key(ref), store.read(sample_key(earlier)))
            reason = f"Version {plan.version} was verified by {earlier.run}, and its server runs."
            return Verdict(VERIFIED, f"{reason} {error.message}.", {"version": plan.version})

    act = carried_out_by_holder(store, plan, registry=registry, platform=platform)
    inputs = {"version": plan.version, "action": plan.action}
    record = perform(context, ref, work, inputs=inputs, carry_out=act)
    if record.verdict.action == REFUSED:
        release_lease(store, plan)
    return record


def _verified_before(plan: RolloutPlan, store: Store, platform: Platform) -> RunRef | None:
    """The verification that the version of a roll-back passed before, if its server is healthy.

    It needs no download then, so a roll-back does not wait for MLflow.
    """
    served = platform.served(plan.model)
    if not plan.is_urgent or plan.digest is None or served is None:
        return None
    is_warm = served.healthy.get(plan.version, False)
    is_same = served.digests.get(plan.version) == plan.digest
    return find_verification(store, plan.model, plan.digest) if is_warm and is_same else None


def sample_key(ref: RunRef) -> str:
    """Store key of a few rows with their offline predictions, to check live answers against."""
    return f"{ref.beside('verify').folder}/sample.json"


def _boot_and_replay(
    plan: RolloutPlan,
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    registry: Registry,
    platform: Platform,
    tables: Tables,
    load: LoadPackage,
    keep: Callable[[dict[str, Any]], None],
) -> Verdict:
    bars = spec.deployment.verify
    try:
        with scratch_folder(
            "slipway-candidate-", needs="the folders of candidate and champion"
        ) as scratch:
            rows = recent_rows(tables, dataset, rows=bars.replay_rows)
            champion = None if plan.is_urgent else plan.standing
            before: Package | None = None
            if champion is not None:
                try:
                    before = load(registry.download(spec.model, champion, scratch / "champion"))
                except NotFound:
                    # It was deleted by hand: there is nothing to compare with.
                    champion = None
                except BadSignature as error:
                    # No fault of the candidate, which is not to be refused for it.
                    raise BadParameter(
                        "the candidate cannot be compared with the champion",
                        expected=error.expected,
                        found=f"{error.message}: {error.found}",
                        where=error.where,
                        hint=error.hint,
                    ) from error
            folder = registry.download(
                spec.model, plan.version, scratch / "version", sha256=plan.digest
            )
            package = load(folder)
            replay = Replay(rows, package, dataset)
            keep(replay.sample())
            with platform.boot(
                spec.model, version=plan.version, folder=folder, digest=plan.digest
            ) as candidate:
                measured = replace(replay.run(candidate), size_mib=size_mib(folder))
            beside = None if before is None else _beside(spec, package, measured, before, rows)
    except (NotFound, Tampered, RolloutRefused, NotComputable, BadRequest) as error:
        reason = f"Version {plan.version} may not serve: {error.message}."
        if error.found:
            reason += f" Found: {error.found}."
        return Verdict(REFUSED, reason, {"version": plan.version})
    comparison, shape = None, None
    if champion is not None and beside is not None:
        tags = registry.version(spec.model, plan.version).tags
        answers, scores = beside
        comparison = compare_with_champion(answers, scores, champion=champion, tags=tags)
        shape = measure_shape(answers, scores, champion=champion)
    return judge_candidate(
        measured,
        comparison,
        bars,
        limits=spec.gates.operational,
        shape=shape,
        version=plan.version,
        is_urgent=plan.is_urgent,
    )


def size_mib(folder: Path) -> float:
    """Size of all files of a version's folder, in MiB."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()) / 2**20


def _beside(
    spec: ModelSpec,
    package: Package,
    measured: ReplayResult,
    champion: Package,
    rows: pd.DataFrame,
) -> tuple[RowScores, RowScores]:
    """The candidate's answers and the champion's scores of the same rows, by the same classes."""
    import numpy as np

    own, others = package.manifest.get("classes"), champion.manifest.get("classes")
    wanted = known_to_any(spec, [own, others]) if spec.task == "multiclass" else own
    answers = align_scores(np.asarray(measured.answers), known=own, wanted=wanted)
    scores = align_scores(champion.predict(rows), known=others, wanted=wanted)
    if answers is None or scores is None:
        return measured.answers, ()
    return answers.tolist(), scores.tolist()
