"""Cast a delivery to its declared types, part by part, into a spool on the local disk."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.spec import Column
from slipway.spec.csv import Csv, text_format
from slipway.stages.ingest.faults import Faults, Reason
from slipway.stages.ingest.identity_columns import IdentityColumns
from slipway.stages.ingest.read_ahead import read_ahead
from slipway.values.arrays import CastArray, cast_array
from slipway.values.moments import MISSING

if TYPE_CHECKING:
    from slipway.stages.ports.delivery_source import OpenDelivery
    from slipway.stages.ports.row_spool import RowSpool


@dataclass(frozen=True)
class RowCaster:
    """Casts the rows of a stream.

    Attributes:
        columns: Declared columns.
        required: Columns that may not lack a value.
        csv: How texts spell values.
        identity: Derives key and event time; None: no column of the spool is derived.
    """

    columns: Mapping[str, Column]
    required: frozenset[str]
    csv: Csv
    identity: IdentityColumns | None = None

    def cast_into(self, spool: RowSpool, delivery: OpenDelivery, faults: Faults) -> frozenset[str]:
        """Append every row to a spool, and add the rows that do not fit to the faults.

        Returns:
            Columns that hold no value at all.
        """
        empty = set(self.columns)
        formats = {name: text_format(self.csv, column) for name, column in self.columns.items()}
        with closing(read_ahead(delivery.rows(list(self.columns)))) as parts:
            for rows in parts:
                for line in rows.broken:
                    faults.add_line(Reason("the line", line.reason))
                if rows.count:
                    cast = {
                        name: cast_array(rows.columns[name], column.type, formats[name])
                        for name, column in self.columns.items()
                    }
                    self._add_faults(cast, len(spool), faults)
                    empty -= {
                        name for name, one in cast.items() if one.values.null_count < rows.count
                    }
                    values = {name: one.values for name, one in cast.items()}
                    derived = (
                        {}
                        if self.identity is None
                        else self.identity.derive(values, faults, first=len(spool))
                    )
                    spool.append({**values, **derived})
        return frozenset(empty)

    def _add_faults(self, cast: Mapping[str, CastArray], first: int, faults: Faults) -> None:
        import numpy as np

        for name, one in cast.items():
            refused = np.zeros(len(one.values), dtype=bool)
            for refusal in one.refused:
                rows = np.asarray(refusal.rows, dtype=np.int64)
                refused[rows] = True
                reason = Reason(name, refusal.reason, refusal.hint, refusal.shape)
                faults.add(reason, rows + first)
            if name in self.required and one.values.null_count:
                null = one.values.is_null().to_numpy(zero_copy_only=False)
                faults.add(Reason(name, MISSING), np.flatnonzero(null & ~refused) + first)
