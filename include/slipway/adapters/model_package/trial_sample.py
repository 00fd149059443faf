"""Bound the trial rows of a model: how many of them are scored, and in which calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from slipway.adapters.model_package.trial_rows import Trial, TrialRows

MOST_ROWS = 20_000
MOST_CELLS = 4_000_000
"""Rows times columns that are scored, 32 MB of numbers."""

FEWEST_ROWS = 2_000
LEAST_OF_A_KIND = 8
"""A kind has at least so many rows; where there is no room for all kinds, some are left out."""

CALL_ROWS = 4_000
"""Rows of a call: a pipeline takes about as long for one row as for a thousand."""

KINDS_OF_MISTAKES = 4


@dataclass(frozen=True)
class TrialSample:
    """Trials that are scored, of all that could be.

    Attributes:
        calls: Trials by call. The first has rows of the training and one kind of each mistake.
        kinds: Number of kinds that could be scored.
        rows: Number of rows that could be scored.
    """

    calls: Sequence[Sequence[Trial]]
    kinds: int
    rows: int


def sample_trials(made: TrialRows) -> TrialSample:
    """Sample the trial rows of a model within `MOST_ROWS` and `MOST_CELLS`.

    Kinds with few rows keep all of them; the others get the same number each.

    Args:
        made: Trial rows of every kind.
    """
    room = max(FEWEST_ROWS, min(MOST_ROWS, MOST_CELLS // max(1, len(made.columns))))
    unchanged, changed = made.unchanged(), made.changed()
    every = [*unchanged, *changed]
    first = [trial.head(room // 4) for trial in unchanged]
    room -= sum(map(len, first))
    kept = changed[: room // LEAST_OF_A_KIND]
    limit = _equal_share([len(trial) for trial in kept], room)
    trials = [*first, *(trial.head(limit) for trial in kept)]
    calls = _calls(trials, at_least=len(first) + KINDS_OF_MISTAKES)
    return TrialSample(list(calls), len(every), sum(map(len, every)))


def _equal_share(sizes: Sequence[int], room: int) -> int:
    """Return the largest limit at which sizes, cut to it, fit into the room."""
    for left, size in zip(range(len(sizes), 0, -1), sorted(sizes), strict=True):
        if size * left > room:
            return room // left
        room -= size
    return max(sizes, default=0)


def _calls(trials: Sequence[Trial], *, at_least: int) -> Iterator[Sequence[Trial]]:
    call = list(trials[:at_least])
    for trial in trials[at_least:]:
        if sum(map(len, call)) >= CALL_ROWS:
            yield call
            call = []
        call.append(trial)
    if call:
        yield call
