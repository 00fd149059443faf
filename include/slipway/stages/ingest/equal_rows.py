"""Number equal rows of a delivery whose key is the row itself, so that none of them is lost.

The first of them has the digest of the row as its key, and the others the digest with their number.
The numbers follow the order of the file, bad rows among them, so a file that is delivered again has
the same keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.stages.ingest.repeated_keys import repeated_keys
from slipway.stages.ports.row_spool import FRAME_ROWS
from slipway.values.row_keys import occurrence_key

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from slipway.stages.ports.row_spool import RowSpool


@dataclass(frozen=True)
class NumberedRows:
    """Fulfils `RowSpool`: rows of a spool in which equal rows have keys of their own.

    Attributes:
        spool: Spool of the rows.
        key: Column of the key.
        numbered: Keys of the equal rows but the first of them, by number of the row.
    """

    spool: RowSpool
    key: str
    numbered: pd.Series

    @property
    def names(self) -> tuple[str, ...]:
        """Columns of the spool."""
        return self.spool.names

    def append(self, columns: Mapping[str, pa.Array]) -> None:
        """Append rows to the spool."""
        self.spool.append(columns)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.spool)

    def frames(
        self,
        columns: Sequence[str] | None = None,
        *,
        keep: np.ndarray | None = None,
        at_most: int = FRAME_ROWS,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows in order, as the spool does."""
        for frame in self.spool.frames(columns, keep=keep, at_most=at_most):
            if self.key in frame:
                again = frame.index.intersection(self.numbered.index)
                frame.loc[again, self.key] = self.numbered.loc[again]
            yield frame


def number_equal_rows(spool: RowSpool, key: str) -> NumberedRows:
    """Return the rows of a spool with a key of its own for each.

    Args:
        spool: Rows of a delivery.
        key: Column with the digest of each row.
    """
    import numpy as np
    import pandas as pd

    mask = np.zeros(len(spool), dtype=bool)
    mask[repeated_keys(spool, key)] = True
    equal = [frame[key] for frame in spool.frames([key], keep=mask)] if mask.any() else []
    digests = pd.concat(equal) if equal else pd.Series([], dtype="str")
    numbers = digests.groupby(digests).cumcount() + 1
    later = numbers[numbers > 1]
    pairs = zip(digests[later.index], later, strict=True)
    keys = [occurrence_key(digest, int(number)) for digest, number in pairs]
    return NumberedRows(spool, key, pd.Series(keys, index=later.index, dtype="str"))
