"""Find event times that are too late to be true, so that they never move a dataset's event clock.

The event clock is the newest event time among the published features. One absurd date would close
every window and mature every label at once, so such a row is a bad row of its delivery. Times that
are too old to be true move nothing: they are a warning of the verdict.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from slipway.spec import DatasetSpec
from slipway.stages.ingest.faults import Reason
from slipway.stages.ports.row_spool import RowSpool
from slipway.stages.ports.tables import Tables
from slipway.values.timestamps import EPOCH

if TYPE_CHECKING:
    import numpy as np

    Microseconds = np.ndarray[Any, np.dtype[np.int64]]
    """Event times as microseconds since 1970-01-01 UTC, without missing ones."""

_MICROSECOND = timedelta(microseconds=1)
_NO_DATE_UNTIL = datetime(1900, 1, 1, 23, 59, 59, tzinfo=UTC)
"""Systems write 0001-01-01, 1899-12-30 or 1900-01-01 for no date, and 1970-01-01 00:00 for 0."""


def implausible(
    times: Microseconds, *, clock: datetime | None, now: datetime, tolerance: timedelta
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Tell which rows of a delivery have an implausible event time; pure.

    Args:
        times: Event time of each row.
        clock: Event clock before this delivery; None before the first features.
        now: Wall time.
        tolerance: From one plausible time to the next one.
    """
    return times > newest_plausible(times, clock=clock, now=now, tolerance=tolerance)


def newest_plausible(
    times: Microseconds, *, clock: datetime | None, now: datetime, tolerance: timedelta
) -> int:
    """Return the newest plausible event time of a delivery, in microseconds; pure.

    A time later than the wall clock by more than the tolerance is never plausible. Of the others,
    all up to the event clock or the delivery's own median are, whichever is later: so a delivery
    after a long gap is plausible as a whole, and so are the first one and one of an old year.
    From there each time that follows within the tolerance is plausible, too, and the first gap
    beyond it ends them. Where the times lie further apart below the median, in a yearly series for
    example, twice the widest such gap is allowed instead.

    Args:
        times: Event times of all rows, in any order.
        clock: Event clock before this delivery; one that is itself implausible does not count.
        now: Wall time.
        tolerance: From one plausible time to the next one.
    """
    import numpy as np

    allowed = tolerance // _MICROSECOND
    latest = _microseconds(now) + allowed
    possible = times[times <= latest]
    if len(possible) == 0:
        return latest
    before = None if clock is None or _microseconds(clock) > latest else _microseconds(clock)
    # Of two rows, the one near the clock tells that the other is absurd; without a clock none does.
    middle = len(possible) // 2 if before is None else (len(possible) - 1) // 2
    median = int(np.partition(possible, middle)[middle])
    anchor = median if before is None else max(median, before)
    if (newest := int(possible.max())) - anchor <= allowed:
        # The usual case, without sorting: no gap is wider than the whole distance.
        return max(newest, anchor)
    in_order = np.sort(possible)
    usual = np.diff(in_order[(len(in_order) - 1) // 4 : middle + 1])
    step = max(allowed, 2 * int(usual.max(initial=0)))
    steps = np.concatenate([[anchor], in_order[in_order > anchor]])
    gaps = np.flatnonzero(np.diff(steps) > step)
    return int(steps[gaps[0]] if len(gaps) else steps[-1])


def implausible_rows(
    spool: RowSpool, spec: DatasetSpec, *, clock: datetime | None, now: datetime
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the numbers of a delivery's rows that have an implausible event time.

    Args:
        spool: Rows of the delivery.
        spec: Dataset.
        clock: Event clock before this delivery; None before the first features.
        now: Wall time.
    """
    import numpy as np

    rows, times = [np.array([], np.int64)], [np.array([], np.int64)]
    for frame in spool.frames([spec.identity.time.column]):
        known = frame[spec.identity.time.column].dropna()
        rows.append(known.index.to_numpy())
        times.append(known.to_numpy(dtype="datetime64[us]").astype(np.int64))
    tolerance = timedelta(days=spec.arrival.event_time_tolerance_days)
    late = implausible(np.concatenate(times), clock=clock, now=now, tolerance=tolerance)
    found: np.ndarray[Any, np.dtype[np.int64]] = np.concatenate(rows)[late]
    return found


def no_date_warning(spool: RowSpool, spec: DatasetSpec) -> str | None:
    """Return the warning of event times that systems write for no date; None without any.

    They may be right, and an old time moves no event clock, so such rows are taken and counted.

    Args:
        spool: Rows of the delivery.
        spec: Dataset.
    """
    import numpy as np

    count, last = 0, _microseconds(_NO_DATE_UNTIL)
    for frame in spool.frames([spec.identity.time.column]):
        times = (
            frame[spec.identity.time.column]
            .dropna()
            .to_numpy(dtype="datetime64[us]")
            .astype(np.int64)
        )
        count += int(((times <= last) | (times == 0)).sum())
    if not count:
        return None
    return (
        f"{spec.identity.time} is before 1900-01-02, or 1970-01-01 00:00, in {count:,} rows, as "
        "systems write where there is no date; hint: list such a mark in `csv.missing`"
    )


def implausible_reason(spec: DatasetSpec) -> Reason:
    """Return why a row with an implausible event time is bad."""
    days = f"{spec.arrival.event_time_tolerance_days:g}"
    return Reason(
        str(spec.identity.time),
        f"is more than {days} days after the newest plausible event time",
        "set `arrival.event_time_tolerance_days` in dataset.yaml if it is right",
    )


def clock_before(spec: DatasetSpec, tables: Tables, *, batch: str) -> datetime | None:
    """Return the event clock before a delivery: the newest event time of the other batches.

    A correction of a batch is not measured by the times that it replaces.

    Args:
        spec: Dataset.
        tables: Tables of the dataset.
        batch: Batch of the delivery.
    """
    return tables.newest(f"{spec.dataset}/features", spec.identity.time.column, besides=batch)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND
