"""Say to which period each row of the past belongs: by its event time, or by its delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.local.replay.raw_rows import RawRows, typed
from slipway.spec import DatasetSpec
from slipway.stages.monitor.windows.windows import Unit, Window, window_at

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class PastArrivals:
    """How the past of rows without an event time is cut into deliveries.

    Each delivery arrives in a period of its own, one period after the other.

    Attributes:
        parts: Number of deliveries of equal size; None: a file is a delivery.
        order: Column by whose values the rows are put in order before they are cut; None: they
            are in the order of the files and of their lines.
        last: A moment in the period of the last delivery.
    """

    parts: int | None
    order: str | None
    last: datetime


@dataclass(frozen=True)
class Placed:
    """Rows of features in their periods.

    Attributes:
        windows: Periods that have rows, in order.
        of_row: Number of the period of each row, of shape (n_rows,).
        times: Event time of each row.
    """

    windows: list[Window]
    of_row: np.ndarray[Any, Any]
    times: pd.Series[Any]


def place_times(times: pd.Series[Any], *, by: Unit, column: str) -> Placed:
    """Return the periods of rows by their event times.

    Args:
        times: Event time of each row; one that is missing is that of the row before it.
        by: Length of a period.
        column: What messages call the event time.

    Raises:
        BadParameter: No row has an event time.
    """
    import pandas as pd

    if times.isna().all():
        raise BadParameter("no row has an event time", expected=f"times in {column}")
    known = pd.to_datetime(times, utc=True).ffill().bfill()
    days = known.dt.floor("D")
    window_of = {day: window_at(day.to_pydatetime(), by) for day in days.unique()}
    windows = sorted(set(window_of.values()), key=lambda one: one.start)
    places = {window: number for number, window in enumerate(windows)}
    return Placed(windows, days.map(lambda day: places[window_of[day]]).to_numpy(), known)


def place_arrivals(rows: RawRows, spec: DatasetSpec, *, by: Unit, arrivals: PastArrivals) -> Placed:
    """Return the periods of rows by their deliveries; each arrives when its period begins.

    Args:
        rows: Rows of features.
        spec: Dataset.
        by: Length of a period.
        arrivals: How they are cut.

    Raises:
        BadParameter: One file is to be cut, and nothing says into how many parts; or there is no
            such column.
    """
    import pandas as pd

    of_row = _delivery_of(rows, spec, arrivals)
    windows = [window_at(arrivals.last, by)]
    while len(windows) <= int(of_row.max(initial=0)):
        windows.append(window_at(windows[-1].start - _MOMENT, by))
    windows.reverse()
    starts = pd.DatetimeIndex([window.start for window in windows])
    return Placed(windows, of_row, pd.Series(starts[of_row]))


def _delivery_of(rows: RawRows, spec: DatasetSpec, arrivals: PastArrivals) -> np.ndarray[Any, Any]:
    """Number of the delivery of each row."""
    import numpy as np

    count, sizes = rows.table.num_rows, rows.sizes
    if arrivals.parts is not None:
        parts: np.ndarray[Any, Any]
        parts = _rank(rows, spec, arrivals.order) * min(arrivals.parts, count) // count
        return parts
    if arrivals.order is not None:
        raise BadParameter(
            "nothing says into how many deliveries the ordered rows are to be cut",
            expected="--parts N beside --order",
        )
    if len(sizes) < 2:  # noqa: PLR2004 - one after the other
        raise BadParameter(
            f"the past of {spec.dataset} cannot be split into periods",
            expected="files that were delivered one after the other, in the order of their names",
            found="one file, and `event_time: arrival`: no row says when it happened",
            hint="`--parts N` cuts the rows into N deliveries in the order of the file, and with "
            "`--order COLUMN` in the order of that column's values",
        )
    return np.repeat(np.arange(len(sizes)), sizes)


def _rank(rows: RawRows, spec: DatasetSpec, order: str | None) -> np.ndarray[Any, Any]:
    """Place of each row in the order of a column, of which missing values come last."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if order is None:
        return np.arange(rows.table.num_rows)
    if order not in rows.table.column_names:
        raise BadParameter(
            f"the features of {spec.dataset} have no column {order!r}",
            expected=", ".join(rows.table.column_names),
        )
    # Equal values keep the order of the file.
    columns = {"value": typed(rows.table, order, spec), "row": np.arange(rows.table.num_rows)}
    by_value = pc.sort_indices(
        pa.table(columns), sort_keys=[("value", "ascending"), ("row", "ascending")]
    )
    rank = np.empty(len(by_value), dtype=np.int64)
    rank[by_value.to_numpy()] = np.arange(len(by_value))
    return rank
