"""Find refusals in a ledger: of anything, and of one version."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.records.champion_history import REGISTERED
from slipway.stages.report.model_state import Entry, ModelState, kind_of, numbers_of
from slipway.stages.rollout.version_outcome import ROLLED_BACK

REFUSALS = frozenset({"refuse", "refused", "aborted", "suppress"})
INCONCLUSIVE = "inconclusive"


def is_refusal(entry: Entry) -> bool:
    """Return whether a ledger entry refuses something; pure."""
    stage, action = kind_of(entry)
    # A window may be inconclusive too, and that refuses nothing.
    return action in REFUSALS or (stage.startswith("shift_") and action == INCONCLUSIVE)


def refusal_reason(state: ModelState, version: int, *, outcome: str) -> str | None:
    """Return the reason of the newest refusal or return of a version; None: not recorded; pure.

    Entries of before the version was registered are about another version of the same number.

    Args:
        state: Ledger of the model.
        version: The version.
        outcome: Outcome in its tag.
    """
    for entry in _since_registered(state, version):
        stage, action = kind_of(entry)
        numbers = numbers_of(entry)
        if outcome == ROLLED_BACK:
            is_return = stage == "reconcile" and action in {"roll_back", "repair"}
            found = is_return and version in {numbers.get("served"), numbers.get("challenger")}
        else:
            found = is_refusal(entry) and numbers.get("version") == version
        if found:
            return str(entry["fact"]["reason"])
    return None


def _since_registered(state: ModelState, version: int) -> Iterator[Entry]:
    """Ledger entries since a version was registered, newest first."""
    for entry in state.entries[::-1]:
        if kind_of(entry) in REGISTERED and numbers_of(entry).get("version") == version:
            return
        yield entry
