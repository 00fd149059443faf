"""Count the challengers that were judged on rows of the same holdout before.

Each look at the same rows is a further chance to pass by luck.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from slipway.records.verdicts import Number

Entry = Mapping[str, Any]

REUSED = "holdout.reused"
"""Former challengers that were judged on rows of this holdout."""


def count_reuse(entries: Sequence[Entry], *, run: str) -> dict[str, Number]:
    """Return how many former challengers of a model were judged on rows of a run's holdout.

    A holdout at random holds the same keys each time, so its times tell as much.

    Args:
        entries: Ledger of the model.
        run: Run of the present challenger, whose training is entered.
    """
    spans: dict[str, tuple[datetime, datetime]] = {}
    judged: set[str] = set()
    for fact in (entry["fact"] for entry in entries):
        if fact.get("stage") == "train":
            spans |= dict(_span(fact))
        elif fact.get("stage") == "evaluate":
            judged.add(str(fact.get("run")))
    own = spans.get(run)
    if own is None:
        return {}
    former = [spans[one] for one in judged - {run} if one in spans]
    return {REUSED: sum(first <= own[1] and own[0] <= last for first, last in former)}


def _span(fact: Mapping[str, Any]) -> Iterator[tuple[str, tuple[datetime, datetime]]]:
    numbers = fact.get("numbers", {})
    first, last = numbers.get("holdout_start"), numbers.get("holdout_end")
    if isinstance(first, str) and isinstance(last, str):
        yield str(fact["run"]), (datetime.fromisoformat(first), datetime.fromisoformat(last))
