"""Find refusals in a ledger: of anything, and of one version."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.records.champion_history import REGISTERED
from slipway.records.failed_requests import ended_in_failure
from slipway.stages.report.model_state import Entry, ModelState, kind_of, numbers_of
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLED_BACK

REFUSALS = frozenset({"refuse", "refused", "aborted", "suppress"})
INCONCLUSIVE = "inconclusive"
MARKED = ("take_back", "marked")


def is_refusal(entry: Entry) -> bool:
    """Return whether a ledger entry refuses something, or ends a request in a failure; pure."""
    if ended_in_failure(entry["fact"]):
        return True
    stage, action = kind_of(entry)
    # A window may be inconclusive too, and that refuses nothing.
    return action in REFUSALS or (stage.startswith("shift_") and action == INCONCLUSIVE)


def refusal_reason(state: ModelState, version: int, *, outcome: str) -> str | None:
    """Return the reason of the newest refusal or return of a version; None: not recorded; pure.

    A return is told by the rollout that took the version back. Entries of before the version was
    registered are about another version of the same number.

    Args:
        state: Ledger of the model.
        version: The version.
        outcome: Outcome in its tag.
    """
    ended, marked = set[str](), set[str]()
    for entry in _since_registered(state, version):
        run = str(entry["fact"]["run"])
        if kind_of(entry)[1] in BLOCKED:
            ended.add(run)
        if kind_of(entry) == MARKED and numbers_of(entry).get("version") == version:
            # It was taken back, even if the rollout refused the version that it returned to.
            marked.add(run)
        if outcome == ROLLED_BACK:
            found = (run in marked or run not in ended) and _takes_back(entry, version)
        else:
            found = is_refusal(entry) and numbers_of(entry).get("version") == version
        if found:
            return str(entry["fact"]["reason"])
    return None


def _takes_back(entry: Entry, version: int) -> bool:
    """Whether an entry begins a return from a version as canary, or as champion."""
    stage, action = kind_of(entry)
    numbers = numbers_of(entry)
    if stage != "reconcile":
        return False
    if action == "repair":
        return numbers.get("canary") == version
    return action == "roll_back" and numbers.get("champion", numbers.get("served")) == version


def _since_registered(state: ModelState, version: int) -> Iterator[Entry]:
    """Ledger entries since a version was registered, newest first."""
    for entry in state.entries[::-1]:
        if kind_of(entry) in REGISTERED and numbers_of(entry).get("version") == version:
            return
        yield entry
