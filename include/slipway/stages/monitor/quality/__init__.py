"""The quality checks of a window's rows, one file and one row each."""

from __future__ import annotations

from slipway.stages.monitor.quality.calendar import CalendarCheck
from slipway.stages.monitor.quality.check import QualityCheck

CHECKS: tuple[QualityCheck, ...] = (CalendarCheck(),)
"""In the order in which verdicts name what they find."""
