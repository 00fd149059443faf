"""Derive the columns of key and event time for the rows of a delivery that has none of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from slipway.spec.identity import RowIdentity
from slipway.stages.ingest.faults import Faults, Reason
from slipway.values.kernels import arrow_type
from slipway.values.moments import moments
from slipway.values.row_keys import composed_keys, row_digests

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class IdentityColumns:
    """Derives the columns that the tables of a stream have beside the declared ones.

    Attributes:
        identity: Key and event time of the dataset.
        stream: `features` or `labels`.
        arrived: Moment at which the batch arrived, where that is the event time.
    """

    identity: RowIdentity
    stream: str
    arrived: datetime | None = None

    def derive(
        self, columns: Mapping[str, pa.Array], faults: Faults, *, first: int
    ) -> dict[str, pa.Array]:
        """Return the derived columns of some rows, and add the rows that have none to the faults.

        Args:
            columns: Declared columns, cast.
            faults: Bad rows.
            first: Number of the first of these rows.
        """
        derived = {}
        for name in self.identity.derived(self.stream):
            is_key = name == self.identity.key.column
            derived[name] = self._keys(columns) if is_key else self._times(columns, faults, first)
        return derived

    def _keys(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        key = self.identity.key
        parts = {part.name: columns[part.name] for part in key.parts}
        return row_digests(parts) if key.source == "row" else composed_keys(list(parts.values()))

    def _times(self, columns: Mapping[str, pa.Array], faults: Faults, first: int) -> pa.Array:
        import numpy as np
        import pyarrow as pa

        time = self.identity.time
        if time.source == "arrival":
            count = len(next(iter(columns.values())))
            return pa.repeat(pa.scalar(self.arrived, arrow_type("timestamp")), count)
        found = moments([columns[part.name] for part in time.parts], time.form)
        names = dict(zip(time.form.parts, time.named, strict=True))
        for parts, one in found.refused:
            # A cell without a value is a fault of its own column already.
            blamed = ", ".join(names[part] for part in parts)
            rows = np.asarray(one.rows, dtype=np.int64)
            faults.add(Reason(blamed, one.reason, one.hint, one.shape), rows + first)
        return found.values
