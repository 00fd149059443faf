"""What a quality check is: it finds what is wrong with a window's rows, whatever their distance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from slipway.records.verdicts import Number
from slipway.stages.monitor.quality.calendar_columns import CalendarColumn
from slipway.stages.ports.prediction_log import SampledRows

if TYPE_CHECKING:
    import pandas as pd

Severity = Literal["warning", "drifting"]

SHARE_MARGIN = 0.05
"""Margin over what the reference or earlier windows have of a share of rows."""

FEWEST_EARLIER = 3
"""Earlier windows without which nothing tells what is usual."""


@dataclass(frozen=True)
class QualityFinding:
    """What is wrong with a window.

    Attributes:
        check: Name of the check.
        subject: Column, or what else it is about.
        text: The same in words, with what was found and its limit.
        found: What was found, such as a share of the rows.
        limit: Its limit.
        severity: `drifting` where the model is asked something else than it was trained on;
            `warning` where a person should look, and no training would mend it.
    """

    check: str
    subject: str
    text: str
    found: float
    limit: float
    severity: Severity


@dataclass(frozen=True)
class KnownRows:
    """Rows that a window's rows are held against.

    Attributes:
        rows: With comparable values, of the watched columns, ordered by event time.
        times: Their event times.
        features: Features that are watched.
        calendar: Those that follow the event time.
    """

    rows: pd.DataFrame
    times: pd.Series[Any]
    features: Sequence[str] = ()
    calendar: Sequence[CalendarColumn] = ()


@dataclass(frozen=True)
class ObservedWindow:
    """Rows of a window.

    Attributes:
        start: First moment of the window.
        end: Moment after its last.
        units: Calendar windows that it is.
        sample: A sample of its rows, as they were logged, and counts of all of them.
        rows: The same sample with comparable values, of the watched columns.
        earlier: Numbers of the version's earlier windows, the newest first.
    """

    start: datetime
    end: datetime
    units: int
    sample: SampledRows
    rows: pd.DataFrame
    earlier: Sequence[Mapping[str, Number]] = ()

    @property
    def logged(self) -> pd.DataFrame:
        """The sample, as it was logged."""
        return self.sample.rows


class QualityCheck(Protocol):
    """A quality check; by default it keeps no number of a window without a finding."""

    @property
    def name(self) -> str:
        """Name, in numbers and findings."""

    @property
    def judges_few_rows(self) -> bool:
        """Whether it judges a window that is too small for shares of its rows."""

    def find(self, observed: ObservedWindow, known: KnownRows) -> Iterator[QualityFinding]:
        """Yield what is wrong with a window."""

    def numbers(self, observed: ObservedWindow) -> Mapping[str, Number]:
        """Return what later windows are held against."""
        del observed
        return {}


def earlier_values(observed: ObservedWindow, name: str) -> list[float]:
    """Return a number of the earlier windows; empty where they are too few to tell what is usual.

    Args:
        observed: The window.
        name: Name of the number in their verdicts.
    """
    found = [one[name] for one in observed.earlier if one.get(name) is not None]
    values = [float(one) for one in found if isinstance(one, int | float)]
    return values if len(values) >= FEWEST_EARLIER else []
