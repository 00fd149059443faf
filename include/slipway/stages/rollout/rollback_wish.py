"""Tell whether a rollback that was asked for has happened already: one wish is one step back.

A wish means what served when it was made. Whoever asks while a canary shares the traffic means the
canary, and two people who ask at once mean the same version.
"""

from __future__ import annotations

from datetime import datetime

from slipway.records.idempotent_stage import find_decision
from slipway.records.open_work import open_stages
from slipway.records.run_records import RunRecord
from slipway.records.store import Store
from slipway.stages.rollout.plan import rollout_run
from slipway.stages.rollout.preconditions import STEP_PREFIX
from slipway.stages.rollout.repair import REPAIR
from slipway.stages.rollout.rollout_records import RolloutRecords, read_rollout
from slipway.stages.rollout.version_outcome import BLOCKED, PROMOTED
from slipway.values.told_times import in_utc


def find_fulfilment(store: Store, model: str, *, asked_at: datetime, before: int) -> str | None:
    """Return how a wish was fulfilled since it was made, as a sentence, or None.

    Args:
        store: Store of the records.
        model: Name of the model.
        asked_at: Wall time of the wish, with a time zone.
        before: Number of the rollout that looks; only earlier ones are read.
    """
    for number in range(before - 1, 0, -1):
        run = rollout_run(number)
        records = read_rollout(store, model, run)
        if records and max(map(_finished, records.values())) < asked_at:
            return None
        how = _taken_back(records, asked_at)
        if how is not None:
            return f"{how} by {run}, after this rollback was asked for at {in_utc(asked_at)}."
    return None


def find_uncompleted(store: Store, model: str, *, served: int | None) -> str | None:
    """Return which rollback serves already and waits for MLflow, as a sentence, or None.

    Its promotion is decided, and tags, aliases and record follow. With MLflow it would have been
    completed before this is asked.

    Args:
        store: Store of the records.
        model: Name of the model.
        served: Version that takes every request.
    """
    for ref in open_stages(store, model):
        decided = find_decision(store, ref)
        if decided is None or (ref.stage, decided.action) != ("promote_champion", PROMOTED):
            continue
        numbers = decided.numbers
        if numbers.get("action") == "roll_back" and numbers.get("version") == served:
            return (
                f"Version {served} was restored by {ref.run}, whose tags and aliases follow once "
                "MLflow answers; until then this rollback means the same step back."
            )
    return None


def _taken_back(records: RolloutRecords, asked_at: datetime) -> str | None:
    """How a rollout took its version, or the champion, out of the traffic after a time."""
    begun, ended = records.get("reconcile"), records.get("promote_champion")
    if begun is None:
        return None
    canary = begun.verdict.numbers.get("canary")
    if begun.verdict.action == REPAIR and canary is not None and _finished(begun) >= asked_at:
        return f"Version {canary} was taken back"
    is_back = ended is not None and ended.verdict.action == PROMOTED
    if begun.verdict.action == "roll_back":
        version = begun.verdict.numbers["version"]
        since = is_back and ended is not None and _finished(ended) >= asked_at
        return f"Version {version} was restored" if since else None
    return _canary_taken_back(records, asked_at)


def _canary_taken_back(records: RolloutRecords, asked_at: datetime) -> str | None:
    """How a canary that shared the traffic at that time lost its share."""
    shared = [
        record
        for stage, record in records.items()
        if stage.startswith(STEP_PREFIX) and datetime.fromisoformat(record.started_at) <= asked_at
    ]
    for record in records.values():
        if shared and record.verdict.action in BLOCKED and _finished(record) >= asked_at:
            return f"Version {record.verdict.numbers['version']} was taken back"
    return None


def _finished(record: RunRecord) -> datetime:
    return datetime.fromisoformat(record.finished_at)
