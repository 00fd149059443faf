"""Find the keys that several batches hold, so that a row that moved leaves no score behind.

A correction may give a key another event time: its row in the batch of before is replaced by one in
another partition, whose files alone have changed. Which batches share keys, and in which
partitions, is found once for each revision of a batch, from the key and the event time of all rows,
and kept in the store. It is derived from immutable files, so a repeat finds the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from slipway.records.store import Store, digest, encode, read_json
from slipway.stages.model.newest_delivery import BATCH
from slipway.stages.monitor.windows.windows import Unit, Window, window_at
from slipway.stages.ports.scores import DataFile, FeatureTables

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import DatasetSpec, ModelSpec

_NONE = encode({})
_KEY, _TIME = "key", "time"


class _Read(Protocol):
    def __call__(self, batches: Collection[str], *, times: bool) -> Iterator[pd.DataFrame]: ...


def fingerprint(files: Iterable[DataFile]) -> str:
    """Fingerprint of a set of data files: twelve hexadecimal digits."""
    return digest("\n".join(sorted({file.path for file in files})).encode())[:12]


@dataclass(frozen=True)
class SharedKeys:
    """Features of one version of a table, and what their batches share.

    Attributes:
        files: Data files of the version.
        partners: Batches that hold keys of a partition's rows too, by name of the partition.
    """

    files: Sequence[DataFile]
    partners: Mapping[str, Collection[str]] = field(default_factory=dict)

    def inside(self, window: Window) -> list[DataFile]:
        """Files with rows of a partition."""
        return [file for file in self.files if window.overlaps(file.first, file.last)]

    def fingerprint(self, window: Window) -> str:
        """Fingerprint of all files that decide about the scores of a partition."""
        partners = self.partners.get(window.name, ())
        beside = [file for file in self.files if file.batch in partners]
        return fingerprint([*self.inside(window), *beside])


def find_shared_keys(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    store: Store,
    tables: FeatureTables,
    version: int,
    complete: bool,
) -> SharedKeys:
    """Return what the batches of a version share.

    Args:
        spec: The model.
        dataset: Its dataset.
        store: Store of what was found before.
        tables: Features.
        version: Version of the features' table.
        complete: Whether to look for what was not found yet, and keep it. It takes one pass over
            the keys of all rows, and 16 bytes of memory for each row of the batches that are new.
    """
    table, unit = f"{dataset.dataset}/features", spec.deployment.batch.partition
    identity, files = dataset.identity, _files(dataset, tables, version)
    marks = _revisions(files)
    folder = f"shared_keys/{spec.model}/{unit}"
    sizes = {entry.key: entry.size for entry in store.list(folder)}
    keys = {batch: f"{folder}/{mark}.json" for batch, mark in marks.items()}
    new = [batch for batch, key in keys.items() if key not in sizes]
    if complete and new:

        def read(batches: Collection[str], *, times: bool) -> Iterator[pd.DataFrame]:
            columns = {identity.key.column: _KEY, identity.time.column: _TIME, BATCH: BATCH}
            named = list(columns) if times else [identity.key.column]
            chunk = spec.deployment.batch.chunk_rows
            where = [(BATCH, "in", sorted(batches))]
            if batches:
                for frame in tables.stream(
                    table, version=version, columns=named, where=where, chunk_rows=chunk
                ):
                    yield frame.rename(columns=columns).dropna(subset=[_KEY])

        links: dict[str, dict[str, Any]] = {batch: {} for batch in new}
        old = [batch for batch in keys if batch not in links]
        if len(keys) > 1:
            for batch, other, own, others in _pairs(read, old, new, unit):
                links[batch][marks[other]] = [own, others]
        for batch, found in links.items():
            store.create(keys[batch], data := encode(found))
            sizes[keys[batch]] = len(data)
    return SharedKeys(files, _partners(store, marks, keys, sizes))


def _files(dataset: DatasetSpec, tables: FeatureTables, version: int) -> Sequence[DataFile]:
    """Data files of the features; none before rows have the dataset's present key and time."""
    table, identity = f"{dataset.dataset}/features", dataset.identity
    derived = identity.derived("features").keys()
    if derived and derived - set(tables.columns(table, version=version)):
        return ()
    return tables.files(table, identity.time.column, version=version)


def _revisions(files: Iterable[DataFile]) -> dict[str, str]:
    """Fingerprint of the files of each batch."""
    by_batch: dict[str, list[DataFile]] = defaultdict(list)
    for file in files:
        by_batch[file.batch].append(file)
    return {batch: fingerprint(some) for batch, some in by_batch.items()}


def _partners(
    store: Store, marks: Mapping[str, str], keys: Mapping[str, str], sizes: Mapping[str, int]
) -> dict[str, set[str]]:
    """Batches by partition, of the revisions that are there."""
    batches = {mark: batch for batch, mark in marks.items()}
    partners: dict[str, set[str]] = defaultdict(set)
    for batch, key in keys.items():
        if sizes.get(key, 0) <= len(_NONE):
            continue
        for mark, (own, others) in read_json(store, key).items():
            if mark not in batches:
                continue
            for name in own:
                partners[name].add(batches[mark])
            for name in others:
                partners[name].add(batch)
    return partners


def _pairs(
    read: _Read, old: Collection[str], new: Collection[str], unit: Unit
) -> Iterator[tuple[str, str, list[str], list[str]]]:
    """Yield a new batch, another one with which it shares keys, and the partitions of either."""
    import numpy as np
    import pandas as pd

    parts = [_hashes(frame) for frame in read(new, times=False)]
    every = np.sort(np.concatenate(parts))
    shared = [every[1:][every[1:] == every[:-1]]]
    found = [frame[_among(every, _hashes(frame))] for frame in read(old, times=True)]
    shared += [_hashes(frame) for frame in found]
    suspects = np.unique(np.concatenate(shared))
    if not len(suspects):
        return
    found += [frame[_among(suspects, _hashes(frame))] for frame in read(new, times=True)]
    rows = pd.concat(found, ignore_index=True)
    rows = rows.assign(partition=_partition_names(rows[_TIME], unit))
    both = rows[rows[BATCH].isin(list(new))].merge(rows, on=_KEY, suffixes=("", "_other"))
    both = both[both[BATCH] != both[f"{BATCH}_other"]]
    for (batch, other), some in both.groupby([BATCH, f"{BATCH}_other"]):
        own, others = (sorted(set(some[name])) for name in ("partition", "partition_other"))
        yield str(batch), str(other), own, others


def _hashes(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    import pandas as pd

    hashes: np.ndarray[Any, Any] = pd.util.hash_array(frame[_KEY].to_numpy(dtype=object))
    return hashes


def _among(in_order: np.ndarray[Any, Any], hashes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Which hashes are among those of a sorted array."""
    import numpy as np

    places = np.searchsorted(in_order, hashes)
    found: np.ndarray[Any, Any] = in_order[np.minimum(places, len(in_order) - 1)] == hashes
    return found


def _partition_names(times: pd.Series, unit: Unit) -> pd.Series:
    days = times.dt.floor("D")
    names = {day: window_at(day.to_pydatetime(), unit).name for day in days.unique()}
    named: pd.Series = days.map(names)
    return named
