"""Open work: stages that have begun and are not entered in the ledger yet, by subject.

A stage is opened before its first write and closed after its last one, so a stage that was killed
between two writes is found with one listing, without anyone repeating its task.
"""

from __future__ import annotations

from collections.abc import Iterator

from slipway.records.run_records import RunRef
from slipway.records.store import Store, encode


def open_stage(store: Store, ref: RunRef) -> None:
    """Note that a stage begins; no effect when it has begun before."""
    store.create(_key(ref), encode({"folder": ref.folder}))


def close_stage(store: Store, ref: RunRef) -> None:
    """Note that nothing of a stage is left to do."""
    store.delete(_key(ref))


def close_run(store: Store, subject: str, run: str) -> None:
    """Note that nothing of a run is left to do, whether or not its stages have finished."""
    for entry in store.list(f"{_folder(subject)}/{run}"):
        store.delete(entry.key)


def open_stages(store: Store, subject: str) -> Iterator[RunRef]:
    """Yield the open stages of a dataset or model, by run; costs one listing."""
    folder = _folder(subject)
    for entry in store.list(folder):
        parts = entry.key.removeprefix(f"{folder}/").split("/")
        # What else lies there is nobody's work, and must stop none.
        if len(parts) == len(("run", "stage")) and parts[1].endswith(".json"):
            yield RunRef(subject, parts[0], parts[1].removesuffix(".json"))


def _folder(subject: str) -> str:
    return f"open/{subject}"


def _key(ref: RunRef) -> str:
    return f"{_folder(ref.subject)}/{ref.run}/{ref.stage}.json"
