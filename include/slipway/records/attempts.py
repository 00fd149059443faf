"""Attempts at a piece of work: numbered tries, of which only the newest may commit.

An attempt's number is the fencing token of all that it commits: an older attempt that is still
alive raises `Superseded` at its next commit.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.errors import Permanent, SlipwayError, StoreUnavailable, Superseded
from slipway.records import ledger
from slipway.records.run_records import RECORD, RunRef
from slipway.records.store import Store, encode, find_json, reached_in


@dataclass(frozen=True)
class Attempt:
    """One try at a piece of work; its number is the fencing token of all it commits."""

    store: Store
    ref: RunRef
    number: int

    def check(self) -> None:
        """Raise unless this attempt may commit; call it right before each commit.

        Raises:
            Superseded: A newer attempt has begun, or another one has finished.
        """
        names = _names(self.store, self.ref)
        newest = _newest(names)
        finished = RECORD in names
        if finished or newest != self.number:
            raise Superseded(
                f"attempt {self.number} of {self.ref.folder} may not commit",
                expected=f"attempt {self.number} to be the newest, and none to have finished",
                found="the work is finished" if finished else f"attempt {newest} has begun since",
                hint="nothing is lost: the other attempt does this work",
            )


def begin_attempt(
    store: Store, ref: RunRef, *, inputs: Mapping[str, Any], origin: Mapping[str, Any]
) -> Attempt:
    """Begin the next attempt at a piece of work, which supersedes all earlier ones."""
    beginning = {
        "inputs": dict(inputs),
        "origin": dict(origin),
        "started_at": datetime.now(UTC).isoformat(),
        "ledger_length": ledger.length(store, ref.subject),
    }
    number = count_attempts(store, ref)
    while True:
        number += 1
        if store.create(_key(ref, number), encode(beginning)):
            return Attempt(store, ref, number)


def count_attempts(store: Store, ref: RunRef) -> int:
    """Return how many attempts at a piece of work have begun."""
    return _newest(_names(store, ref))


def ledger_length_at_start(store: Store, ref: RunRef) -> int:
    """Return how many entries the ledger had when the first attempt began."""
    first = find_json(store, _key(ref, 1)) or {}
    length: int = first.get("ledger_length", 0)
    return length


def newest_inputs(store: Store, ref: RunRef) -> Mapping[str, Any]:
    """Return the inputs of the newest attempt; empty when none has begun."""
    newest = find_json(store, _key(ref, count_attempts(store, ref))) or {}
    inputs: Mapping[str, Any] = newest.get("inputs", {})
    return inputs


def record_failure(attempt: Attempt, error: Exception) -> None:
    """Store why an attempt failed; has no effect while the store is unavailable."""
    failure = {
        "error": str(error),
        "kind": type(error).__name__,
        "permanent": isinstance(error, Permanent),
        "traceback": "" if isinstance(error, SlipwayError) else traceback.format_exc(),
    }
    # The caller raises the work's own error, which an unavailable store must not replace.
    with suppress(StoreUnavailable):
        attempt.store.create(_failure_key(attempt.ref, attempt.number), encode(failure))


def find_failure(store: Store, ref: RunRef) -> dict[str, Any] | None:
    """Return the failure of the newest attempt (error, kind, permanent, traceback), or None."""
    return find_json(store, _failure_key(ref, count_attempts(store, ref)))


def _names(store: Store, ref: RunRef) -> set[str]:
    return {entry.key.removeprefix(f"{ref.folder}/") for entry in store.list(ref.folder)}


def _newest(names: set[str]) -> int:
    return max(reached_in(names, digits=4, prefix="attempt-"), default=0)


def _key(ref: RunRef, number: int) -> str:
    return f"{ref.folder}/attempt-{number:04d}.json"


def _failure_key(ref: RunRef, number: int) -> str:
    return f"{ref.folder}/attempt-{number:04d}.failed.json"
