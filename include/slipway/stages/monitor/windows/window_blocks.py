"""Divide the rows of a window, and of a holdout, into blocks that are resampled as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from slipway.stages.gates.holdout_blocks import MOST_BLOCKS, HoldoutBlocks, divide_by_time
from slipway.stages.ports.metrics import Resampling

if TYPE_CHECKING:
    import pandas as pd

    from slipway.stages.monitor.windows.windows import Unit

FEWEST_BLOCKS = 3
"""With fewer blocks of a kind a finer one is taken; few blocks make an interval wider."""

ROW_GROUPS, ROW_GROUP = 20, "group of rows"
"""Rows of fewer moments than that are taken for independent, in so many groups."""

RESAMPLES = 1000

_UNITS: dict[Unit, tuple[str, ...]] = {
    "month": ("day", "hour", "minute"),
    "week": ("day", "hour", "minute"),
    "day": ("hour", "minute"),
    "hour": ("minute",),
}


@dataclass(frozen=True)
class WindowBlocks:
    """Blocks of a window's labelled rows.

    Attributes:
        own: Blocks: days, of a window of one day its hours, of an hour its minutes.
        common: Days of the window, of a window of an hour 1, as the holdout is divided.
    """

    own: HoldoutBlocks
    common: int


def common_unit(window: Unit) -> Literal["hour", "day"]:
    """Return the unit that a holdout is divided into, for windows of a length."""
    return "hour" if window == "hour" else "day"


def divide_window(times: pd.Series[Any], *, window: Unit) -> WindowBlocks:
    """Divide the rows of a window.

    Args:
        times: Event time of each row, in order.
        window: Length of the window.
    """
    common = divide_by_time(times, unit=common_unit(window)).found
    return WindowBlocks(_divide(times, _UNITS[window]), common)


def divide_holdout(times: pd.Series[Any], *, window: Unit) -> HoldoutBlocks:
    """Divide the rows of a holdout that windows of a length are compared with.

    Args:
        times: Event time of each row, in order.
        window: Length of the windows.
    """
    return _divide(times, (common_unit(window), "minute"))


def resampling(blocks: HoldoutBlocks, *, confidence: float, seed: int) -> Resampling:
    """Return how blocks are resampled."""
    return Resampling(
        blocks=blocks.numbers,
        count=min(blocks.found, MOST_BLOCKS),
        in_order=blocks.in_order,
        resamples=RESAMPLES,
        confidence=confidence,
        seed=seed,
    )


def _divide(times: pd.Series[Any], units: tuple[str, ...]) -> HoldoutBlocks:
    import numpy as np

    for unit in units:
        found = divide_by_time(times, unit=unit)
        if found.found >= FEWEST_BLOCKS:
            return found
    groups = min(ROW_GROUPS, len(times))
    numbers = np.arange(len(times)) * groups // max(1, len(times))
    return HoldoutBlocks(numbers, groups, ROW_GROUP, in_order=False)
