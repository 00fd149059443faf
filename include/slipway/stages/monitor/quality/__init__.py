"""The quality checks of a window's rows, one file and one row each."""

from __future__ import annotations

from slipway.stages.monitor.quality.calendar import CalendarCheck
from slipway.stages.monitor.quality.check import QualityCheck
from slipway.stages.monitor.quality.duplicates import DuplicatesCheck
from slipway.stages.monitor.quality.freshness import FreshnessCheck
from slipway.stages.monitor.quality.nulls import NullsCheck
from slipway.stages.monitor.quality.schema import SchemaCheck
from slipway.stages.monitor.quality.volume import VolumeCheck

CHECKS: tuple[QualityCheck, ...] = (
    SchemaCheck(),
    NullsCheck(),
    CalendarCheck(),
    DuplicatesCheck(),
    VolumeCheck(),
    FreshnessCheck(),
)
"""In the order in which verdicts name what they find, of one severity."""
