"""Find the rows of a delivery that repeat a key, exactly and in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.stages.ports.row_spool import RowSpool


def repeated_keys(spool: RowSpool, key: str) -> np.ndarray:
    """Return the numbers of all rows whose key is repeated; missing keys are not.

    Keys are compared by a hash of 64 bits first, and those of equal hash by themselves: 10 million
    keys take 160 MB, where a table of the keys would take more than 1 GB.

    Args:
        spool: The delivery's rows.
        key: Column of the key.
    """
    import numpy as np
    import pandas as pd

    hashes = np.empty(len(spool), dtype=np.uint64)
    present = np.zeros(len(spool), dtype=bool)
    for frame in spool.frames([key]):
        place = slice(int(frame.index[0]), int(frame.index[-1]) + 1)
        hashes[place] = key_hashes(frame[key])
        present[place] = frame[key].notna()
    in_order = np.sort(hashes[present])
    twice = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    if not len(twice):
        return np.array([], dtype=np.int64)
    suspects = present & np.isin(hashes, twice)
    keys = pd.concat([frame[key] for frame in spool.frames([key], keep=suspects)])
    rows: np.ndarray = keys.index[keys.duplicated(keep=False)].to_numpy()
    return rows


def key_hashes(keys: pd.Series) -> np.ndarray:
    """Return a hash of 64 bits for each key; equal keys of one type have equal hashes."""
    import pandas as pd

    hashes: np.ndarray = pd.util.hash_array(keys.astype("object").to_numpy(), categorize=False)
    return hashes
