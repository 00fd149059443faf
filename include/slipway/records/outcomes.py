"""Outcomes: result of a stage that ran in a pod, under a key known to its task.

For a recorded stage the run record is the result; for any other it is the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from slipway.records.idempotent_stage import enter_in_ledger
from slipway.records.run_records import RunRecord, RunRef, find_record
from slipway.records.store import Store, encode, find_value
from slipway.records.verdicts import Verdict


@dataclass(frozen=True)
class Listing:
    """Work that is due, listed by a stage that does none of it.

    Attributes:
        verdict: Amount of work.
        items: Inputs of each piece of work, in order, by stage.
    """

    verdict: Verdict
    items: Mapping[str, Sequence[Mapping[str, Any]]]

    def to_json(self) -> dict[str, Any]:
        """Return the listing as plain JSON."""
        items = {name: [dict(one) for one in some] for name, some in self.items.items()}
        return {"verdict": self.verdict.to_json(), "items": items}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Listing:
        """Return the listing that `to_json` wrote."""
        return cls(Verdict.from_json(value["verdict"]), value["items"])


Outcome = RunRecord | Verdict | Listing
_FORMS: dict[str, Any] = {"record": RunRecord, "verdict": Verdict, "listing": Listing}


def outcome_key(dag_id: str, run_id: str, task_id: str, *, map_index: int, attempt: int) -> str:
    """Return the store key of the outcome of one try of a task.

    Args:
        dag_id: Of the task.
        run_id: Of its DAG run.
        task_id: Of the task.
        map_index: Index of a mapped task's instance; below 0: not mapped.
        attempt: Airflow's number of the try.
    """
    task = task_id if map_index < 0 else f"{task_id}-{map_index}"
    return f"outcomes/{dag_id}/{quote(run_id, safe='')}/{task}/try-{attempt}.json"


def keep_outcome(store: Store, key: str, outcome: Outcome) -> None:
    """Store the result of a stage, unless an outcome is stored already."""
    form = next(name for name, kind in _FORMS.items() if isinstance(outcome, kind))
    store.create(key, encode({"form": form, "value": outcome.to_json()}))


def find_outcome(store: Store, key: str) -> Outcome | None:
    """Return the result of a stage, or None without one."""
    return find_value(store, key, _outcome_in)


def _outcome_in(kept: Any) -> Outcome | None:
    if kept["form"] not in _FORMS:
        return None
    outcome: Outcome = _FORMS[kept["form"]].from_json(kept["value"])
    return outcome


def entered_record(store: Store, ref: RunRef) -> RunRecord | None:
    """Return the record of a piece of work, or None; enter it in its ledger if it is not.

    The process that wrote the record may have been killed before the ledger entry.
    """
    record = find_record(store, ref)
    if record is not None:
        enter_in_ledger(store, record)
    return record
