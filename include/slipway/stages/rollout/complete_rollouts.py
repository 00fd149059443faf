"""Complete what rollouts that were stopped had decided: traffic, tags, aliases, record, ledger.

Every stage stores its decision before it carries it out. The next rollout of the model, under its
own lease, carries out what is left of that and records it. Where nothing was decided there is
nothing to complete: the difference between aliases and traffic says what to repair.
"""

from __future__ import annotations

from slipway.errors import NotFound, RolloutRefused
from slipway.records.attempts import Attempt, newest_inputs
from slipway.records.idempotent_stage import enter_open_records, find_decision, perform
from slipway.records.leases import find_lease
from slipway.records.open_work import close_run, open_stages
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef, find_record
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.stages.model.ledger_anchors import anchor_if_unbroken
from slipway.stages.ports.registry import Registry
from slipway.stages.rollout.carry_out import carry_out
from slipway.stages.rollout.fallback import restore_fallback
from slipway.stages.rollout.lease import lease_name
from slipway.stages.rollout.ledger_versions import newest_promoted_run
from slipway.stages.rollout.plan import IDLE, read_plan, rollout_number
from slipway.stages.rollout.platform import Platform
from slipway.stages.rollout.repair import TAKE_BACK, repair_traffic, tag_rolled_back


def complete_rollouts(
    context: RunContext, model: str, *, registry: Registry, platform: Platform, token: int
) -> list[str]:
    """Complete the decisions of rollouts before one's own; return a sentence about each.

    Args:
        context: Store of the records, and origin.
        model: Name of the model.
        registry: Aliases, tags, and the ledger's anchor.
        platform: What serves the model.
        token: Number of the lease under which this happens.

    Raises:
        PlatformUnavailable: The traffic could not be changed.
        RegistryUnavailable: The registry does not answer.
        Superseded: Another rollout took over.
    """
    store = context.store
    passed = rollout_number(newest_promoted_run(store, model) or "") or 0
    refs = [ref for ref in open_stages(store, model) if _is_over(ref, token=token)]
    done = [
        _complete(context, ref, registry=registry, platform=platform, token=token)
        for ref in refs
        # What a later promotion has passed over is not carried out any more.
        if not _is_passed(ref, passed)
        and find_record(store, ref) is None
        and find_decision(store, ref) is not None
    ]
    broken = anchor_if_unbroken(store, registry, model) if done else None
    if refs:
        # Also what a sweep beside this one has recorded meanwhile, before it was killed.
        enter_open_records(store, model)
    for run in sorted({ref.run for ref in refs}):
        close_run(store, model, run)
    return done if broken is None else [*done, broken]


def _is_passed(ref: RunRef, passed: int) -> bool:
    """Whether a stage is of an earlier rollout than the newest promotion, or of that one.

    A canary that this one took back is tagged even so.
    """
    number = rollout_number(ref.run) or 0
    return number < passed or (number == passed and ref.stage != TAKE_BACK)


def is_unsettled(store: Store, model: str) -> bool:
    """Return whether a rollout holds its lease, or was stopped, failed or killed in a stage.

    A rollout that failed gave its lease back, and may have carried out half of what it decided.
    """
    lease = find_lease(store, lease_name(model))
    if lease is not None and not lease.released:
        return True
    # What belongs to a later one than the newest lease is nobody's.
    token = 1 if lease is None else lease.number + 1
    return any(_is_over(ref, token=token) for ref in open_stages(store, model))


def _is_over(ref: RunRef, *, token: int) -> bool:
    """Whether a stage belongs to a rollout before this one, or to a sweep without a rollout."""
    number = rollout_number(ref.run)
    return ref.run.startswith(IDLE) if number is None else number < token


def _complete(
    context: RunContext, ref: RunRef, *, registry: Registry, platform: Platform, token: int
) -> str:
    store = context.store

    def act(attempt: Attempt, verdict: Verdict) -> None:
        if ref.stage == "reconcile":
            repair_traffic(
                ref.subject,
                attempt,
                verdict,
                platform=platform,
                token=token,
            )
            return
        if ref.stage == TAKE_BACK:
            tag_rolled_back(ref.subject, attempt, verdict, registry=registry)
            return
        plan = read_plan(store, ref.subject, ref.run)
        carry_out(plan, verdict, attempt=attempt, registry=registry, platform=platform, token=token)

    try:
        record = perform(
            context, ref, _decided_before, inputs=newest_inputs(store, ref), carry_out=act
        )
    except (NotFound, RolloutRefused) as error:
        plan = read_plan(store, ref.subject, ref.run)
        restore_fallback(plan, platform, token=token)
        return (
            f"{ref.run} was stopped before version {plan.version} became champion, and cannot be "
            f"completed: {error.message}. Version {plan.fallback} serves."
        )
    return (
        f"{ref.run} was stopped in {ref.stage}, and what it had decided was completed: "
        f"{record.verdict.action}."
    )


def _decided_before(attempt: Attempt) -> Verdict:
    raise NotFound(
        f"{attempt.ref.stage} of {attempt.ref.run} has no decision", where=attempt.ref.folder
    )
