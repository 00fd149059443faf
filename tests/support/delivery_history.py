"""A history of deliveries, and a plain model of what each reader has to see after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from tests.support.table_rows import START

Stream = Literal["features", "labels"]
Row = tuple[int, int]
"""Features: day of the event time, and miles. Labels: 0, and the label."""

ABSURD = 2_900_000
"""A day of the year 9953, which no row can have."""


@dataclass(frozen=True)
class Delivered:
    """A file that is delivered: rows by key, as one batch of a stream."""

    stream: Stream
    batch: str
    rows: Mapping[str, Row]

    @property
    def good(self) -> dict[str, Row]:
        """Rows that may enter the table."""
        return {key: row for key, row in self.rows.items() if row[0] != ABSURD}

    @property
    def blocked(self) -> bool:
        """Whether more than half of its rows are bad."""
        return 2 * len(self.good) < len(self.rows)

    def csv(self) -> bytes:
        """Its bytes."""
        if self.stream == "labels":
            lines = ["id,late", *(f"{key},{late}" for key, (_, late) in self.rows.items())]
        else:
            lines = ["id,at,miles"]
            lines += [
                f"{key},{at(day).isoformat()},{miles}" for key, (day, miles) in self.rows.items()
            ]
        return "\n".join([*lines, ""]).encode()


def at(day: int) -> datetime:
    """Event time of a day's rows."""
    return START + timedelta(days=day)


@dataclass
class HistoryModel:
    """What has been accepted, in order: lists and loops, without a table.

    Attributes:
        accepted: Every delivery that was accepted; its number is its place, from 1.
        handled: Newest delivery of each batch that was no repeat, blocked or not.
    """

    accepted: list[Delivered] = field(default_factory=list)
    handled: dict[tuple[str, str], Delivered] = field(default_factory=dict)

    def deliver(self, one: Delivered) -> Literal["accepted", "blocked", "duplicate"]:
        """Accept a delivery, unless it is blocked, or repeats what its batch holds already."""
        before = self.handled.get((one.stream, one.batch))
        if before is not None and not before.blocked and before.csv() == one.csv():
            return "duplicate"
        self.handled[one.stream, one.batch] = one
        if one.blocked:
            return "blocked"
        self.accepted.append(one)
        return "accepted"

    def live(self, stream: Stream) -> dict[str, int]:
        """Number of the newest revision of each batch."""
        numbered = enumerate(self.accepted, 1)
        return {one.batch: number for number, one in numbered if one.stream == stream}

    def newest(self, stream: Stream, *, until: int | None = None) -> dict[str, Row]:
        """Row of each key in the live delivery with the greatest number, up to a number."""
        rows: dict[str, Row] = {}
        for number in sorted(self.live(stream).values()):
            if until is None or number <= until:
                rows |= self.accepted[number - 1].good
        return rows

    def labelled(self, *, until: int | None = None) -> dict[str, tuple[int, int, int]]:
        """Day, miles and label of each key in both streams."""
        features, labels = (self.newest(one, until=until) for one in ("features", "labels"))
        return {key: (*row, labels[key][1]) for key, row in features.items() if key in labels}

    def clock(self, *, upto: int | None = None) -> int:
        """Newest day of the features at a delivery, as far as later revisions uphold it; or -1."""
        numbered = [
            (number, one) for number, one in enumerate(self.accepted, 1) if one.stream == "features"
        ]
        clock = -1
        for number, one in numbered:
            if upto is None or number <= upto:
                upheld = [
                    max(day for day, _ in later.good.values())
                    for other, later in numbered
                    if later.batch == one.batch and other >= number
                ]
                clock = max(clock, min(upheld))
        return clock

    def last_by(self, day: int) -> int:
        """Number of the last delivery before the clock passed a day."""
        passed = [
            number for number in range(1, len(self.accepted) + 1) if self.clock(upto=number) > day
        ]
        return min(passed) - 1 if passed else len(self.accepted)
