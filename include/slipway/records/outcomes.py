"""Outcomes: what a stage that ran in a pod returned, under a key that its task knows beforehand.

A stage whose run record can be found by its inputs is judged by that record; of every other one
the outcome is the result. An error is kept too, so that its class decides about a retry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from slipway import errors
from slipway.errors import Permanent, SlipwayError, StoreUnavailable
from slipway.records.idempotent_stage import enter_in_ledger
from slipway.records.run_records import RunRecord, RunRef, find_record
from slipway.records.store import Store, encode, find_json
from slipway.records.verdicts import Verdict


@dataclass(frozen=True)
class Listing:
    """What there is to do, found by a stage that does none of it.

    Attributes:
        verdict: How much was found, in words and numbers.
        items: By name: the inputs of each piece of work, in order.
    """

    verdict: Verdict
    items: Mapping[str, Sequence[Mapping[str, Any]]]

    def to_json(self) -> dict[str, Any]:
        """The same value as plain JSON."""
        items = {name: [dict(one) for one in some] for name, some in self.items.items()}
        return {"verdict": self.verdict.to_json(), "items": items}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Listing:
        """The value that `to_json` wrote."""
        return cls(Verdict.from_json(value["verdict"]), value["items"])


Outcome = RunRecord | Verdict | Listing
_FORMS: dict[str, Any] = {"record": RunRecord, "verdict": Verdict, "listing": Listing}
_WORDS = ("message", "expected", "found", "where", "hint")


def outcome_key(dag_id: str, run_id: str, task_id: str, *, map_index: int, attempt: int) -> str:
    """Where one try of a task finds what its pod returned.

    Args:
        dag_id: Of the task.
        run_id: Of its run, as Airflow names it.
        task_id: Of the task.
        map_index: Which of a mapped task's instances; below 0: not mapped.
        attempt: Airflow's number of the try that started the pod.
    """
    task = task_id if map_index < 0 else f"{task_id}-{map_index}"
    return f"outcomes/{dag_id}/{quote(run_id, safe='')}/{task}/try-{attempt}.json"


def keep_outcome(store: Store, key: str, outcome: Outcome) -> None:
    """Keep what a stage returned; what is kept under the key already stays."""
    form = next(name for name, kind in _FORMS.items() if isinstance(outcome, kind))
    store.create(key, encode({"form": form, "value": outcome.to_json()}))


def keep_error(store: Store, key: str, error: Exception) -> None:
    """Keep why a stage could not be done; nothing happens when the store has gone meanwhile."""
    fields = {word: getattr(error, word, None) for word in _WORDS}
    if not isinstance(error, SlipwayError):
        fields = {"message": str(error)}
    value = {
        "kind": type(error).__name__,
        "permanent": isinstance(error, Permanent),
        "fields": {word: text for word, text in fields.items() if text is not None},
    }
    # The stage's own error is the one to raise.
    with suppress(StoreUnavailable):
        store.create(key, encode({"form": "error", "value": value}))


def find_outcome(store: Store, key: str) -> Outcome | None:
    """What a stage returned; None while there is nothing, or when it failed."""
    kept = find_json(store, key)
    if kept is None or kept["form"] not in _FORMS:
        return None
    outcome: Outcome = _FORMS[kept["form"]].from_json(kept["value"])
    return outcome


def find_error(store: Store, key: str) -> Exception | None:
    """Why a stage could not be done, as the error that it was; None when it did not say.

    An error of a class that is none of ours becomes a `RuntimeError` that names the class.
    """
    kept = find_json(store, key)
    if kept is None or kept["form"] != "error":
        return None
    name, fields = kept["value"]["kind"], kept["value"]["fields"]
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, SlipwayError):
        return kind(**fields)
    base = Permanent if kept["value"]["permanent"] else RuntimeError
    return base(f"{name}: {fields['message']}")


def entered_record(store: Store, ref: RunRef) -> RunRecord | None:
    """The finished record of a piece of work, entered in its ledger; or None.

    Whoever left it may have been killed between the record and the ledger.
    """
    record = find_record(store, ref)
    if record is not None:
        enter_in_ledger(store, record)
    return record
