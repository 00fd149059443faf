"""Choose numbers that fit a file's span and volume: holdout, windows, and when to learn again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from slipway.spec.gates import BlockUnit, Gates

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Days = np.ndarray[Any, np.dtype[np.float64]]

Window = Literal["hour", "day", "week", "month"]

WINDOW_DAYS: dict[str, float] = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4375}
HELD_OUT = 0.2
"""Share of the rows that is held out."""

_LEAST_HELD_OUT, _MOST_HELD_OUT = 0.08, 0.45
_LEAST_HOLDOUT_ROWS = 20
_WINDOWS = 6
_DENSE = 0.3
"""Share of the windows that have rows, nights and weekends considered."""
_ROWS_OF_A_WINDOW = 300
_LEAST_WINDOW_ROWS = 20
_BLOCKS = 20
FEWEST_BLOCKS: int = Gates.model_fields["min_blocks"].default
_BLOCK_UNITS: tuple[Literal["day", "hour"], ...] = ("day", "hour")


@dataclass(frozen=True)
class Sizes:
    """Numbers of a model's training, gates, monitoring and retraining.

    Attributes:
        split: How the holdout is taken.
        holdout_days: Its days, by time.
        holdout_rows: Rows that it has in this file, about.
        min_rows: Least number of training rows.
        min_holdout_rows: Least number of holdout rows.
        window: Window of monitoring.
        window_rows: Least number of predictions in it.
        first_after_labels: Labels for the first training.
        min_new_labels: New labels for an automatic one.
        cooldown_days: Days between automatic ones.
        tolerance_days: Largest plausible gap between event times.
        span_days: Days that the file spans; None without event times.
        why_split: Why the split is by time or at random.
        blocks: What the gates resample as a whole; None: the holdout has too few blocks of a time.
    """

    split: Literal["time", "random"]
    holdout_days: int
    holdout_rows: int
    min_rows: int
    min_holdout_rows: int
    window: Window
    window_rows: int
    first_after_labels: int
    min_new_labels: int
    cooldown_days: int
    tolerance_days: float
    span_days: float | None
    why_split: str
    blocks: BlockUnit | None


def choose_sizes(
    rows: int, times: pd.Series[Any] | None, *, share: float, tolerance_days: float
) -> Sizes:
    """Return numbers under which this file is enough for a first model.

    Args:
        rows: Rows of the file with a label that ingestion takes.
        times: Event times of those of the sample; None: the deliveries' arrival.
        share: Rows of the file for each row of the sample.
        tolerance_days: Largest plausible gap between event times.
    """
    days = None if times is None else _days(times)
    by_time = None if days is None else _holdout(days)
    held_out = HELD_OUT if by_time is None else by_time[1]
    holdout_rows = max(1, round(rows * held_out))
    # Of the labels that the first training waits for, some are held out.
    training = rows / 2 * (1 - 2 * held_out)
    span = None if days is None else float(days[-1] - days[0])
    window: Window = "week" if days is None else _window(days, share)
    least_rows = _rounded(min(1000, max(10, training * 0.8)))
    least_held_out = _rounded(min(500, max(5, holdout_rows / 2)))
    blocks: BlockUnit | None = (
        "key" if days is None or by_time is None else _blocks(days, by_time[0])
    )
    first = _rounded(min(3000, max(10, rows / 2)))
    if days is not None and by_time is not None:
        least = (least_rows, least_held_out)
        first = min(rows, max(first, _labels_for_first(days, share, by_time[0], least)))
    new = max(min(1000, max(10, rows / 10)), min(rows / 2, _labels_of_blocks(days, rows, blocks)))
    return Sizes(
        split="random" if by_time is None else "time",
        holdout_days=FEWEST_BLOCKS if by_time is None else by_time[0],
        holdout_rows=holdout_rows,
        min_rows=least_rows,
        min_holdout_rows=least_held_out,
        window=window,
        window_rows=_rounded(min(_ROWS_OF_A_WINDOW, max(_LEAST_WINDOW_ROWS, rows / _BLOCKS))),
        first_after_labels=first,
        min_new_labels=_rounded(new),
        cooldown_days=1 if span is None else _cooldown(window),
        tolerance_days=tolerance_days,
        span_days=span,
        why_split=_why(days, by_time),
        blocks=blocks,
    )


def _days(times: pd.Series[Any]) -> Days:
    """Event times in order, in days."""
    import numpy as np

    known = times.dropna().dt.tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
    return np.sort(known) / 86_400


def _holdout(days: Days) -> tuple[int, float] | None:
    """Days of a holdout of about a fifth of the rows, and its share; None where there is none."""
    import numpy as np

    if len(days) < _LEAST_HOLDOUT_ROWS or days[-1] == days[0]:
        return None
    wanted = float(days[-1] - np.quantile(days, 1 - HELD_OUT))
    best: tuple[float, int, float] | None = None
    # The gates compare by days, of which they need enough.
    for count in {1, max(1, int(wanted)), int(wanted) + 1, max(int(wanted), FEWEST_BLOCKS)}:
        share = float((days >= days[-1] - count).mean())
        distance = abs(share - HELD_OUT) if count >= FEWEST_BLOCKS else 1.0 + abs(share - HELD_OUT)
        if _LEAST_HELD_OUT <= share <= _MOST_HELD_OUT and (best is None or distance < best[0]):
            best = (distance, count, share)
    return None if best is None else (best[1], best[2])


def _blocks(days: Days, holdout_days: int) -> BlockUnit | None:
    """The longest block of which the holdout has enough; None where there is none."""
    import numpy as np

    held_out = days[days >= days[-1] - holdout_days]
    for unit in _BLOCK_UNITS:
        if len(np.unique(np.floor(held_out / WINDOW_DAYS[unit]))) >= FEWEST_BLOCKS:
            return unit
    return None


def _labels_for_first(days: Days, share: float, holdout_days: int, least: tuple[int, int]) -> int:
    """Labels, oldest first, that hold the least training and the least holdout rows."""
    import numpy as np

    before = np.searchsorted(days, days - holdout_days, side="left") * share
    arrived = np.arange(1, len(days) + 1) * share
    enough = (before >= least[0]) & (arrived - before >= least[1])
    if not enough.any():
        return math.ceil(float(arrived[-1]))
    return _rounded_up(float(arrived[int(enough.argmax())]))


def _labels_of_blocks(days: Days | None, rows: int, blocks: BlockUnit | None) -> float:
    """Labels that come in as many blocks as a comparison needs, in the pace of the file."""
    import numpy as np

    if blocks is None:
        return 0.0
    if days is None or blocks == "key":
        return float(FEWEST_BLOCKS)
    return FEWEST_BLOCKS * rows / len(np.unique(np.floor(days / WINDOW_DAYS[blocks])))


def _window(days: Days, share: float) -> Window:
    """The shortest window with enough rows in most windows, of which there are some."""
    import numpy as np

    for name in ("hour", "day", "week"):
        length = WINDOW_DAYS[name]
        windows, counts = np.unique(np.floor(days / length), return_counts=True)
        # Of a yearly series each window that has rows has many, and hardly one has any.
        is_dense = len(windows) >= _DENSE * (windows[-1] - windows[0])
        is_full = float(np.median(counts)) * share >= _ROWS_OF_A_WINDOW
        if is_dense and is_full and len(counts) >= _WINDOWS:
            return name
    return "month"


def _cooldown(window: Window) -> int:
    days: dict[Window, int] = {"hour": 1, "day": 2, "week": 7, "month": 28}
    return days[window]


def _rounded(value: float) -> int:
    """Return a number down to two digits."""
    whole = int(value)
    return max(1, whole // _scale(whole) * _scale(whole))


def _rounded_up(value: float) -> int:
    """Return a number up to two digits."""
    whole = math.ceil(value)
    return -(-whole // _scale(whole)) * _scale(whole)


def _scale(whole: int) -> int:
    scale: int = 10 ** max(0, len(str(whole)) - 2)
    return scale


def _why(days: Days | None, by_time: tuple[int, float] | None) -> str:
    if days is None:
        return "no column has the time of a row, so nothing tells the newest ones"
    if by_time is None:
        return "too few days hold most of the rows to hold out the newest ones"
    return f"the newest {by_time[0]} days hold {by_time[1]:.0%} of the rows"
