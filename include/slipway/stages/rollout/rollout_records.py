"""Records of a rollout: which of its stages have finished, and whether it has ended."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.records.run_records import RECORD, RunRecord, RunRef, find_record
from slipway.records.store import Store
from slipway.stages.rollout.version_outcome import BLOCKED, PROMOTED

RolloutRecords = Mapping[str, RunRecord]
"""Record of each finished stage, by the stage's name."""


def read_rollout(store: Store, model: str, run: str) -> RolloutRecords:
    """Return the records of a rollout's finished stages; costs one listing."""
    folder = f"runs/{model}/{run}"
    names = (entry.key.removeprefix(f"{folder}/") for entry in store.list(folder))
    stages = [name.removesuffix(f"/{RECORD}") for name in names if name.endswith(f"/{RECORD}")]
    found = {stage: find_record(store, RunRef(model, run, stage)) for stage in stages}
    return {stage: record for stage, record in found.items() if record is not None}


def has_ended(records: RolloutRecords) -> bool:
    """Whether a rollout has nothing left to do, by its records."""
    actions = {record.verdict.action for record in records.values()}
    return bool(actions & {"nothing", PROMOTED, *BLOCKED})
