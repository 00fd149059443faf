"""Keep the part of a history that lies between two days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.local.replay.raw_rows import RawRows, RowArrivals, identity_columns

if TYPE_CHECKING:
    from slipway.spec import DatasetSpec
    from slipway.spec.dataset import StreamName


def within(
    raw: Mapping[StreamName, RawRows],
    spec: DatasetSpec,
    *,
    since: datetime | None,
    until: datetime | None,
) -> dict[StreamName, RawRows]:
    """Return the rows whose event time lies in [since, until), with their labels.

    Args:
        raw: Rows by stream.
        spec: Dataset.
        since: First moment; None: from the beginning.
        until: Moment after the last; None: to the end.

    Raises:
        BadParameter: Rows have no event time, or none lies between.
    """
    if since is None and until is None:
        return dict(raw)
    identity = spec.identity
    if identity.time.source == "arrival":
        raise BadParameter(
            f"the rows of {spec.dataset} have no event time",
            expected="no --from and no --to",
            found="`event_time: arrival`",
        )
    import pandas as pd
    import pyarrow as pa

    known = identity_columns(raw["features"].table, spec, "features")
    times = pd.Series(pd.to_datetime(known[identity.time.column].to_pandas(), utc=True))
    inside = times.notna()
    if since is not None:
        inside &= times >= since
    if until is not None:
        inside &= times < until
    if not inside.any():
        raise BadParameter(
            "no row lies between --from and --to",
            expected=f"days between {times.min():%Y-%m-%d} and {times.max():%Y-%m-%d}",
        )
    found = dict(raw)
    found["features"] = _kept(raw["features"], inside.to_numpy())
    if "labels" in raw:
        keys = known[identity.key.column].filter(pa.array(inside.to_numpy()))
        of_labels = identity_columns(raw["labels"].table, spec, "labels")[identity.key.column]
        chosen = pd.Series(of_labels.to_pandas()).isin(keys.to_pandas())
        found["labels"] = _kept(raw["labels"], chosen.to_numpy())
    return found


def _kept(rows: RawRows, mask: Any) -> RawRows:
    import pyarrow as pa

    table = rows.table.filter(pa.array(mask))
    arrived = rows.arrived
    if arrived is not None:
        arrived = RowArrivals(arrived.first[mask], arrived.newest[mask])
    return replace(rows, table=table, sizes=[table.num_rows], arrived=arrived)
