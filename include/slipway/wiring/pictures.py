"""Choose what draws the charts of a report, where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipway.stages.report.charts import Draw


def drawing() -> Draw | None:
    """Return what draws charts; None where matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        return None
    from slipway.adapters.pictures import draw

    return draw
