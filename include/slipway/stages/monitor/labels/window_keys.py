"""Read the keys of a window's predictions, and the rows of some of them, in bounded memory.

Of each prediction two hashes of 8 bytes are kept while keys are counted, and of each key one. With
10 million keys the chance that any two of them have one hash is below 1 in 100,000.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable
from slipway.stages.model.key_text import logged_key_texts
from slipway.stages.monitor.reference.row_sample import hash_values, mix_hashes

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.stages.monitor.windows.windows import MonitoredWindow
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.values.value_types import ColumnType

    Hashes = np.ndarray[Any, np.dtype[np.uint64]]

KEY, RECEIVED_AT, EVENT_TIME = "key", "received_at", "event_time"

_IDENTITY = ("request_id", "row")


@dataclass(frozen=True)
class WindowPredictions:
    """Predictions of a version in a window, read as often as they are needed.

    Attributes:
        log: Log of the predictions.
        model: Name of the model.
        monitored: Window and version.
        key_type: Declared type of the key.
    """

    log: PredictionLog
    model: str
    monitored: MonitoredWindow
    key_type: ColumnType

    def keys(self) -> WindowKeys:
        """Return the keys of all predictions, and how many predictions have none.

        Raises:
            NotComputable: A segment cannot be read.
        """
        found: list[Hashes] = []
        keyed: list[Hashes] = []
        keyless: list[Hashes] = []
        count = 0
        for rows in self._stream([KEY]):
            known = rows[KEY].notna().to_numpy()
            hashes = hash_values(rows[KEY][known])
            identity = identity_hashes(rows, first=count)
            count += len(rows)
            found.append(hashes)
            keyed.append(identity[known])
            keyless.append(identity[~known])
        return WindowKeys(
            distinct_hashes(found), len(distinct_hashes(keyed)), len(distinct_hashes(keyless))
        )

    def rows_of(self, keys: Hashes, columns: Sequence[str] | None) -> pd.DataFrame:
        """Return the newest prediction of some keys, in order of event time.

        Args:
            keys: Sorted hashes of the keys.
            columns: Columns to read, beside the log's own; None: all.

        Raises:
            NotComputable: A segment cannot be read, or segments disagree about a column's type.
        """
        asked = None if columns is None else [KEY, RECEIVED_AT, *columns]
        kept: list[pd.DataFrame] = []
        count = 0
        for rows in self._stream(asked):
            known = rows[rows[KEY].notna()]
            chosen = known[are_among(hash_values(known[KEY]), keys)]
            kept.append(chosen)
            count += len(chosen)
            if count > 2 * len(keys) + len(rows):
                kept = [newest_predictions(_concat(kept, self.model))]
                count = len(kept[0])
        return newest_predictions(_concat(kept, self.model))

    def _stream(self, columns: Sequence[str] | None) -> Iterator[pd.DataFrame]:
        """Batches of rows with keys as canonical texts."""
        window = self.monitored.window
        for rows in self.log.stream(
            self.model, window.start, window.end, version=self.monitored.version, columns=columns
        ):
            yield rows.assign(**{KEY: logged_key_texts(rows[KEY], self.key_type)})


@dataclass(frozen=True)
class WindowKeys:
    """Keys of the predictions of a window.

    Attributes:
        hashes: Hash of each key, sorted, of shape (n_keys,).
        keyed: Number of predictions that have a key.
        keyless: Number of those that have none, or none that a label could have.
    """

    hashes: Hashes
    keyed: int
    keyless: int

    @property
    def rows(self) -> int:
        """Number of predictions."""
        return self.keyed + self.keyless


def are_among(hashes: Hashes, keys: Hashes) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return whether each hash is one of some sorted ones.

    Args:
        hashes: Of shape (n_rows,).
        keys: Sorted, without repetition.
    """
    import numpy as np

    if not len(keys):
        return np.zeros(len(hashes), dtype=bool)
    places = np.minimum(np.searchsorted(keys, hashes), len(keys) - 1)
    among: np.ndarray[Any, np.dtype[np.bool_]] = keys[places] == hashes
    return among


def sample_keys(keys: Hashes, count: int, *, seed: int) -> Hashes:
    """Return a uniform sample of keys, the same for the same keys and seed; all if they are fewer.

    Args:
        keys: Sorted hashes of the keys.
        count: Size of the sample.
        seed: Its seed.
    """
    import numpy as np

    if len(keys) <= count:
        return keys
    salt = mix_hashes(np.array([seed % 2**64], dtype=np.uint64))
    chosen = np.argpartition(mix_hashes(keys ^ salt), count)[:count]
    return keys[np.sort(chosen)]


def identity_hashes(rows: pd.DataFrame, *, first: int) -> Hashes:
    """Return a hash of what identifies each row; a log without requests has each row once.

    Args:
        rows: Logged rows.
        first: Number of rows before them.
    """
    import numpy as np

    hashes: Hashes = np.arange(first, first + len(rows), dtype=np.uint64)
    if _IDENTITY[0] in rows:
        hashes = np.zeros(len(rows), dtype=np.uint64)
        for name in (*_IDENTITY, KEY):
            hashes = mix_hashes(hashes ^ hash_values(rows[name]))
    return hashes


def distinct_hashes(parts: Sequence[Hashes]) -> Hashes:
    """Return the different hashes of several parts, sorted."""
    import numpy as np

    return np.unique(np.concatenate(parts)) if parts else np.zeros(0, dtype=np.uint64)


def newest_predictions(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the newest prediction of each key, in order of event time."""
    order = [name for name in (EVENT_TIME, *_IDENTITY) if name in rows]
    by_arrival = rows.sort_values(order).sort_values(RECEIVED_AT, kind="stable")
    newest = by_arrival.drop_duplicates(KEY, keep="last")
    return newest.sort_values(EVENT_TIME, kind="stable", ignore_index=True)


def _concat(frames: Sequence[pd.DataFrame], model: str) -> pd.DataFrame:
    """Rows of several batches in one frame.

    Raises:
        NotComputable: They disagree about a column's type.
    """
    import pandas as pd

    if not frames:
        return pd.DataFrame({name: [] for name in (KEY, RECEIVED_AT, EVENT_TIME)})
    kinds: dict[str, str] = {}
    for frame in frames:
        for name, values in frame.items():
            kind = "" if values.isna().all() else _kind(values)
            known = kinds.get(str(name), "") or kind
            if kind and kind != known:
                raise NotComputable(
                    "segments of the prediction log disagree about a column's type",
                    found=f"{known} and {kind} in {name}",
                    where=f"predictions/{model}",
                )
            kinds[str(name)] = known
    return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)


def _kind(values: pd.Series[Any]) -> str:
    from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

    if is_bool_dtype(values.dtype):
        return "truth values"
    if is_datetime64_any_dtype(values.dtype):
        return "times"
    return "numbers" if is_numeric_dtype(values.dtype) else "texts"
