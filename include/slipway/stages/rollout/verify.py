"""The last check before traffic: the real server, real rows, and inputs that it must refuse.

It is a shadow by replay: the candidate answers recent rows that no client waits for, and its
answers are held against its own predictions and against the champion's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from slipway.errors import BadRequest, NotComputable, RolloutRefused, Tampered
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.store import Store, encode
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.deployment import Verify
from slipway.stages.model.agreement import ChampionComparison, compare_with_champion
from slipway.stages.rollout.lease import RolloutPlan, keep_lease, read_plan, release_lease
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.reconcile import REFUSED, ROLLOUT_TAG, Version
from slipway.stages.rollout.replay import FeatureTables, Package, Replay, ReplayResult, recent_rows

RESIDENT_MIB = "slipway.resident_mib"
COLD_START_S = "slipway.cold_start_s"


class Folders(Protocol):
    """The part of the registry that holds versions' folders and notes."""

    def download(self, model: str, version: int, to: Path) -> Path:
        """The folder of a version, its digests checked.

        Raises:
            Tampered: A file differs from its digest.
        """

    def version(self, model: str, version: int) -> Version:
        """One version, with what the registry says about it."""

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Note something about a version."""


def judge_candidate(
    measured: ReplayResult,
    shadow: ChampionComparison | None,
    bars: Verify,
    *,
    version: int,
    is_urgent: bool,
) -> Verdict:
    """Whether a candidate may serve; pure.

    Args:
        measured: What it showed.
        shadow: How its answers differ from the champion's; None where there is no champion to
            compare it with, or where that one is no measure because a person turns away from it.
        bars: What the spec demands.
        version: Which version it is.
        is_urgent: Whether latency is only noted. A return to a known version is not stopped
            by a busy machine: whatever makes it urgent is worse.
    """
    numbers = measured.numbers() | {"version": version}
    wrong = []
    difference, allowed = measured.max_difference, bars.max_difference
    if difference is None:
        wrong.append("its answers cannot be compared with its offline predictions")
    elif difference > allowed:
        wrong.append(
            f"its answers differ from its offline predictions by up to {difference:.3g} "
            f"({allowed:.3g} is allowed)"
        )
    if shadow is not None:
        numbers |= shadow.numbers(bars)
        wrong += shadow.objections(bars)
    if measured.accepted:
        wrong.append(f"it accepted bad inputs: {', '.join(measured.accepted)}")
    if measured.p99_ms > bars.max_p99_ms and not is_urgent:
        wrong.append(f"its p99 is {measured.p99_ms:.0f} ms ({bars.max_p99_ms:.0f} are allowed)")
    if wrong:
        return Verdict(REFUSED, f"Version {version} may not serve: {'; '.join(wrong)}.", numbers)
    beside = ""
    if shadow is not None and shadow.recent is not None and shadow.holdout is not None:
        beside = (
            f" It differs from version {shadow.champion} by {shadow.recent.disagreement:.2g} on "
            f"average, and by {shadow.holdout.disagreement:.2g} on its holdout."
        )
    reason = (
        f"Version {version} answered {measured.rows} real rows as it predicts offline "
        f"(difference {difference or 0:.1g}, p99 {measured.p99_ms:.0f} ms), "
        f"and refused every bad input.{beside}"
    )
    return Verdict("verified", reason, numbers)


def verify(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    rollout: str,
    store: Store,
    registry: Folders,
    platform: Platform,
    tables: FeatureTables,
    load: Callable[[Path], Package],
    origin: Mapping[str, Any],
) -> RunRecord:
    """`verified` or `refused`, with what the candidate showed in the real server.

    Args:
        spec: The model.
        dataset: Its dataset.
        rollout: Run id that `reconcile` gave.
        store: Where records live.
        registry: Where the version's folder is.
        platform: Boots the real server.
        tables: Real rows.
        load: Loads a version's folder, for its offline predictions.
        origin: Who runs it.

    Raises:
        Superseded: Another rollout has taken over.
    """
    plan = read_plan(store, spec.model, rollout)
    ref = RunRef(spec.model, rollout, "verify")

    def work(attempt: Attempt) -> Verdict:
        with keep_lease(store, plan):
            verdict = _examine(
                plan,
                spec,
                dataset,
                registry=registry,
                platform=platform,
                tables=tables,
                load=load,
                keep=lambda sample: store.write(sample_key(ref), encode(sample)),
            )
        attempt.check()
        # A champion that is being put back serves already; a tag would only block its return.
        if plan.action != "repair":
            known = registry.version(spec.model, plan.version).tags
            sizes = {} if plan.is_urgent else _sizes(verdict, known)
            registry.tag(spec.model, plan.version, {ROLLOUT_TAG: verdict.action, **sizes})
        return verdict

    inputs = {"version": plan.version, "action": plan.action}
    record = perform(store, ref, work, inputs=inputs, origin=origin)
    if record.verdict.action == REFUSED:
        release_lease(store, plan)
    return record


def sample_key(ref: RunRef) -> str:
    """Store key of a few rows with their offline predictions, for reading back what serves."""
    return f"{ref.beside('verify').folder}/sample.json"


def _sizes(verdict: Verdict, known: Mapping[str, str]) -> dict[str, str]:
    """What a server of the version takes, as tags, unless they are known.

    Measured once, and never on the way back to a version: its warm servers would be replaced if
    they asked for something else.
    """
    measured = {RESIDENT_MIB: "resident_mib", COLD_START_S: "cold_start_s"}
    return {
        tag: f"{value:.1f}"
        for tag, name in measured.items()
        if tag not in known and isinstance(value := verdict.numbers.get(name), float) and value > 0
    }


def _examine(
    plan: RolloutPlan,
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    registry: Folders,
    platform: Platform,
    tables: FeatureTables,
    load: Callable[[Path], Package],
    keep: Callable[[dict[str, Any]], None],
) -> Verdict:
    bars = spec.deployment.verify
    try:
        with tempfile.TemporaryDirectory(prefix="slipway-candidate-") as scratch:
            rows = recent_rows(tables, dataset, rows=bars.replay_rows)
            champion = None if plan.is_urgent else plan.fallback
            beside: Sequence[float] = ()
            if champion is not None:
                folder = registry.download(spec.model, champion, Path(scratch) / "champion")
                beside = [float(score) for score in load(folder).predict(rows)]
            folder = registry.download(spec.model, plan.version, Path(scratch) / "version")
            replay = Replay(rows, load(folder), dataset)
            keep(replay.sample())
            with platform.boot(spec.model, version=plan.version, folder=folder) as candidate:
                measured = replay.ask(candidate)
    except (Tampered, RolloutRefused, NotComputable, BadRequest) as error:
        reason = f"Version {plan.version} may not serve: {error.message}."
        if error.found:
            reason += f" Found: {error.found}."
        return Verdict(REFUSED, reason, {"version": plan.version})
    shadow = None
    if champion is not None:
        tags = registry.version(spec.model, plan.version).tags
        shadow = compare_with_champion(measured.answers, beside, champion=champion, tags=tags)
    return judge_candidate(measured, shadow, bars, version=plan.version, is_urgent=plan.is_urgent)
