"""Split history into periods: which rows are known when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.local.replay.label_arrivals import KnownLabels
from slipway.local.replay.periods import PastArrivals, place_arrivals, place_times
from slipway.local.replay.raw_rows import RawRows, identity_columns, typed
from slipway.spec import DatasetSpec
from slipway.spec.dataset import StreamName
from slipway.stages.monitor.windows.windows import Unit, Window

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa


@dataclass(frozen=True)
class History:
    """Rows of the past, by period.

    Attributes:
        spec: Dataset.
        features: Raw rows of the features' files.
        labels: Raw rows of the labels' files; None where labels stand in the features' files.
        periods: Periods that have rows, in order.
        period: Number of the period of each row of `features`.
        due: Number of the step at which the label of each row is known: of `labels`, or of
            `features` where the labels stand in their files. The last is after all periods.
        recorded: Number of labels that are known from when they were recorded to arrive; the
            others from their delay on.
    """

    spec: DatasetSpec
    features: pa.Table
    labels: pa.Table | None
    periods: Sequence[Window]
    period: np.ndarray[Any, Any]
    due: np.ndarray[Any, Any]
    recorded: int = 0

    @property
    def steps(self) -> int:
        """Number of steps: one for each period, and one for what is known after the last."""
        return len(self.periods) + 1

    def labels_known(self, delay_days: float) -> str:
        """Return in words when labels are known, by arrivals or a delay."""
        delayed = f"{delay_days:g} days after the event"
        if not self.recorded:
            return delayed
        if self.recorded == len(self.due):
            return "as they arrived"
        return f"as they arrived, {len(self.due) - self.recorded:,} of them {delayed}"

    def arrival(self, batch: str) -> datetime | None:
        """Return when a batch of features arrives; None where its rows have an event time."""
        if self.spec.identity.time.source != "arrival":
            return None
        return next(one.start for one in self.periods if one.name == batch)

    def name(self, step: int) -> str:
        """Return the name of a step: its period's, or `afterwards`."""
        return self.periods[step].name if step < len(self.periods) else "afterwards"

    def deliveries(self, step: int) -> list[tuple[StreamName, str, pa.Table]]:
        """Return stream, batch and rows of what becomes known at a step."""
        if self.labels is None:
            return self._with_labels(step)
        found: list[tuple[StreamName, str, pa.Table]] = []
        if step < len(self.periods):
            found.append(("features", self.name(step), _where(self.features, self.period == step)))
        if (self.due == step).any():
            found.append(("labels", self.name(step), _where(self.labels, self.due == step)))
        return found

    def rows(self, step: int, names: Sequence[str]) -> pd.DataFrame:
        """Return the rows of a period in their declared types, for requests.

        Rows without key or event time are left out.
        """
        import numpy as np
        import pandas as pd
        import pyarrow as pa

        part = _where(self.features, self.period == step)
        kinds = {
            pa.int64(): pd.Int64Dtype(),
            pa.bool_(): pd.BooleanDtype(),
            pa.string(): pd.StringDtype(na_value=np.nan),
        }
        arrived = self.periods[step].start
        identity = identity_columns(part, self.spec, "features", arrived=arrived)
        parts = [one.name for one in self.spec.identity.parts]
        wanted = dict.fromkeys(name for name in (*parts, *names) if name not in identity)
        columns = {name: typed(part, name, self.spec) for name in wanted} | identity
        frame = pd.DataFrame(
            {name: one.to_pandas(types_mapper=kinds.get) for name, one in columns.items()}
        )
        return frame.dropna(subset=list(identity))

    def _with_labels(self, step: int) -> list[tuple[StreamName, str, pa.Table]]:
        """A period without labels that may be missing, and earlier ones as more is known."""
        names = self.spec.streams.labels.columns
        may_miss = all(column.nullable for column in names.values())
        found: list[tuple[StreamName, str, pa.Table]] = []
        for number in range(min(step + 1, len(self.periods))):
            mine = self.period == number
            is_new = number == step and may_miss
            has_news = (self.due[mine] == step).any()
            if not is_new and not has_news:
                continue
            known = self.due <= step
            chosen = mine if may_miss else mine & known
            rows = _where(self.features, chosen)
            if may_miss:
                rows = _without(rows, list(names), ~known[chosen])
            found.append(("features", self.name(number), rows))
        return found


def split_history(
    raw: dict[StreamName, RawRows],
    spec: DatasetSpec,
    *,
    by: Unit,
    label_delay: timedelta,
    arrivals: PastArrivals,
) -> History:
    """Split rows into periods of event time, or of their deliveries where rows have none.

    A row whose event time cannot be read belongs to the period of the row before it, and a label
    without features to the last step.

    Args:
        raw: Rows by stream.
        spec: Dataset.
        by: Length of a period.
        label_delay: Time from the event until its label is known, where it is not recorded when
            it arrived; a label is known after the period of its event, at the earliest.
        arrivals: How rows without an event time are cut into deliveries.

    Raises:
        BadParameter: No row has an event time, or nothing says how to cut rows that have none; or
            there are no labels.
    """
    import numpy as np
    import pandas as pd

    key, time = spec.identity.key.column, spec.identity.time
    features = raw["features"].table
    identity = identity_columns(features, spec, "features")
    if time.source == "arrival":
        placed = place_arrivals(raw["features"], spec, by=by, arrivals=arrivals)
    else:
        _refuse_parts(spec, arrivals)
        placed = place_times(pd.Series(identity[time.column].to_pandas()), by=by, column=str(time))
    periods, period = placed.windows, placed.of_row
    known = KnownLabels(placed, label_delay, raw["features"].arrived)
    if spec.streams.in_one_file:
        every = np.arange(len(period))
        due, recorded = known.steps(every, raw["features"].arrived)
        return History(spec, features, None, periods, period, due, recorded)
    if "labels" not in raw:
        raise BadParameter(
            f"there are no labels of {spec.dataset}", expected="files of the stream labels"
        )
    labels = raw["labels"].table
    rows = pd.Series(np.arange(len(period)), index=identity[key].to_pandas())
    rows = rows[~rows.index.duplicated() & rows.index.notna()]
    of_labels = identity_columns(labels, spec, "labels")[key].to_pandas()
    places = pd.Series(of_labels).map(rows).fillna(-1).astype(int).to_numpy()
    due, recorded = known.steps(places, raw["labels"].arrived)
    return History(spec, features, labels, periods, period, due, recorded)


def _refuse_parts(spec: DatasetSpec, arrivals: PastArrivals) -> None:
    if arrivals.parts is not None or arrivals.order is not None:
        raise BadParameter(
            f"the rows of {spec.dataset} have an event time, which says to what period they belong",
            expected="--by alone",
            found="--order" if arrivals.parts is None else "--parts",
        )


def _where(table: pa.Table, mask: np.ndarray[Any, Any]) -> pa.Table:
    import pyarrow as pa

    return table.filter(pa.array(mask))


def _without(table: pa.Table, names: Sequence[str], mask: np.ndarray[Any, Any]) -> pa.Table:
    """Return rows of which some have no value in certain columns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in names:
        column = table[name].combine_chunks()
        emptied = pc.if_else(pa.array(mask), pa.scalar(None, column.type), column)
        table = table.set_column(table.column_names.index(name), name, emptied)
    return table
