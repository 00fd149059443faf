"""Calendar windows of event time: in UTC, half-open, named as ISO 8601 names them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from typing import Literal

from slipway.errors import BadParameter
from slipway.records.run_records import RunRef
from slipway.values.value_types import LATEST

Unit = Literal["hour", "day", "week", "month"]

_EXAMPLES: dict[Unit, str] = {
    "hour": "2013-05-06T13",
    "day": "2013-05-06",
    "week": "2013-W19",
    "month": "2013-05",
}

_TO, _MOMENT = "--", timedelta(microseconds=1)


@dataclass(frozen=True)
class Window:
    """One calendar hour, day, week or month, or several that are judged together.

    Attributes:
        unit: What kind of window it is, or they are.
        start: First moment that belongs to it, UTC.
        end: First moment that no longer does, UTC.
    """

    unit: Unit
    start: datetime
    end: datetime

    @property
    def name(self) -> str:
        """ISO 8601 name, of several the first and the last; names of one unit sort like them."""
        first = _name(self.start, self.unit)
        return f"{first}{_TO}{_name(self.end - _MOMENT, self.unit)}" if self.is_joined else first

    @property
    def is_joined(self) -> bool:
        """Whether it is several calendar windows."""
        return window_at(self.start, self.unit).end < self.end

    @property
    def units(self) -> int:
        """Number of calendar windows that it is."""
        count, window = 1, window_at(self.start, self.unit)
        while window.end < self.end:
            count, window = count + 1, window.following()
        return count

    def until(self, last: Window) -> Window:
        """This window, those up to another one, and that one."""
        return Window(self.unit, self.start, last.end)

    def overlaps(self, first: datetime, last: datetime) -> bool:
        """Whether a span of event times, both ends included, has moments of the window."""
        return first < self.end and last >= self.start

    def following(self) -> Window:
        """The window that begins where this one ends."""
        return window_at(self.end, self.unit)

    def preceding(self) -> Window:
        """The window that ends where this one begins; before several, one of their length."""
        if not self.is_joined:
            return window_at(self.start - _MOMENT, self.unit)
        first = window_at(self.start - (self.end - self.start), self.unit)
        return Window(self.unit, first.start, self.start)

    @property
    def is_last(self) -> bool:
        """Whether it ends with the calendar, so that none follows it."""
        return self.end == LATEST


def _name(moment: datetime, unit: Unit) -> str:
    if unit == "week":
        year, week, _ = moment.isocalendar()
        return f"{year}-W{week:02d}"
    return moment.strftime({"hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d", "month": "%Y-%m"}[unit])


@dataclass(frozen=True)
class MonitoredWindow:
    """Predictions of one model version in one window; a new champion begins one of its own.

    Attributes:
        window: The window.
        version: The version.
        revision: Number of the revision by late labels; 0: the first verdict.
    """

    window: Window
    version: int
    revision: int = 0

    @property
    def id(self) -> str:
        """Id in tasks, run records and reports, e.g. `2013-05-v3`; of a revision `…-v3-r1`."""
        revision = f"-r{self.revision}" if self.revision else ""
        return f"{self.window.name}-v{self.version}{revision}"

    def inputs(self) -> dict[str, str | int]:
        """Inputs for its run records."""
        return {
            "window": self.window.name,
            "start": self.window.start.isoformat(),
            "end": self.window.end.isoformat(),
            "version": self.version,
            **({"revision": self.revision} if self.revision else {}),
        }

    def ref(self, model: str, stage: str) -> RunRef:
        """Run record of a stage that measures it."""
        return RunRef(model, f"window-{self.id}", stage)


def window_at(moment: datetime, unit: Unit) -> Window:
    """Window that contains a moment."""
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    if unit == "hour":
        return Window(unit, hour, _later(hour, timedelta(hours=1)))
    if unit == "day":
        return Window(unit, day, _later(day, timedelta(days=1)))
    if unit == "week":
        monday = day - timedelta(days=day.weekday())
        return Window(unit, monday, _later(monday, timedelta(days=7)))
    first = day.replace(day=1)
    next_month = _later(first, timedelta(days=32))
    return Window(unit, first, next_month if next_month == LATEST else next_month.replace(day=1))


def _later(start: datetime, length: timedelta) -> datetime:
    """A moment after another one, or the last one of the calendar."""
    return LATEST if LATEST - start < length else start + length


def parse_window(name: str, unit: Unit) -> Window:
    """Parse the ISO 8601 name of a window.

    Raises:
        BadParameter: It names no window of this unit.
    """
    start = _start(name, unit)
    window = None if start is None else window_at(start, unit)
    if window is None or window.name != name:
        raise BadParameter(
            f"this is not the name of a {unit}",
            expected=f"such as {_EXAMPLES[unit]}",
            found=name[:40],
        )
    return window


def parse_joined(name: str, unit: Unit) -> Window | None:
    """Return the window of a name, or those of several; None: it names none."""
    first, _, last = name.partition(_TO)
    starts = [_start(one, unit) for one in (first, last or first)]
    if starts[0] is None or starts[1] is None:
        return None
    window = window_at(starts[0], unit).until(window_at(starts[1], unit))
    return window if window.name == name else None


def closed_windows(since: datetime, clock: datetime, unit: Unit) -> Iterator[Window]:
    """Windows that have ended by `clock`, from the one that contains `since`, oldest first."""
    window = window_at(since, unit)
    while window.end <= clock and not window.is_last:
        yield window
        window = window.following()


def overlapping_windows(first: datetime, last: datetime, unit: Unit) -> Iterator[Window]:
    """Windows with moments of a span of event times, both ends included, oldest first."""
    window = window_at(first, unit)
    while window.overlaps(first, last):
        yield window
        if window.is_last:
            return
        window = window.following()


def parse_monitored_window(text: str, unit: Unit) -> MonitoredWindow:
    """Parse the id of a monitored window, such as `2013-05-v3` or `2013-05--2013-07-v3`.

    Raises:
        BadParameter: It names no window of this unit.
    """
    match = re.fullmatch(r"(?P<name>.+)-v(?P<version>[1-9]\d*)(-r(?P<revision>[1-9]))?", text)
    window = parse_joined(match["name"], unit) if match else None
    if match is not None and window is not None:
        return MonitoredWindow(window, int(match["version"]), int(match["revision"] or 0))
    raise BadParameter(
        "the window id is not valid",
        expected=f"a {unit} and a model version, such as {_EXAMPLES[unit]}-v3",
        found=text[:40],
        hint="see `monitoring.window` in the model's spec",
    )


def midnight(day: date) -> datetime:
    """Start of a day, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _start(name: str, unit: Unit) -> datetime | None:
    layouts: dict[Unit, str] = {
        "hour": "%Y-%m-%dT%H",
        "day": "%Y-%m-%d",
        "week": "%G-W%V-%u",
        "month": "%Y-%m",
    }
    try:
        text = f"{name}-1" if unit == "week" else name
        start = datetime.strptime(text, layouts[unit]).replace(tzinfo=UTC)
    except ValueError:
        return None
    # The last windows of the year 9999 end where datetime does.
    return start if start.year < MAXYEAR else None
