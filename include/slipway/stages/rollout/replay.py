"""Replay recent rows against a candidate, and check that it refuses malformed requests."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable
from slipway.records.verdicts import Number
from slipway.spec import DatasetSpec
from slipway.stages.model.agreement import RowScores, max_difference
from slipway.stages.model.newest_delivery import BATCH, newest_by_key, order_columns
from slipway.stages.ports.package import Package
from slipway.stages.ports.tables import Tables
from slipway.stages.rollout.malformed_requests import malformed_requests
from slipway.stages.rollout.platform import Candidate, Prediction
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.values.value_types import EARLIEST, ColumnType, Value

if TYPE_CHECKING:
    import pandas as pd

WARM_UP_REQUESTS = 10
TIMES_AT_ONCE = 3
"""Requests of all rows, of whose times the middle one counts."""

SAMPLE_ROWS = 20
NULL_SHARE = 5
NEUTRAL: Mapping[ColumnType, Value] = {
    "string": "personal",
    "integer": 0,
    "number": 0.0,
    "boolean": False,
    "timestamp": EARLIEST,
}
"""Stands for a required value of a personal column."""


@dataclass(frozen=True)
class ReplayResult:
    """Measurements of a candidate.

    Attributes:
        rows: Rows replayed.
        rows_with_nulls: Those with a value missing.
        max_difference: Largest difference of an answer from the offline prediction, relative
            where that is above 1; None where they cannot be compared.
        p99_ms: 99th percentile of one-row latency, in milliseconds.
        cold_start_s: Seconds until the server was ready.
        resident_mib: Resident memory of its process, in MiB.
        accepted: Names of bad inputs that were not refused.
        answers: Its answer to each row.
        wrong_labels: Labels that are not those of the largest score.
        rows_per_second: Rows answered in a second, where all are one request; 0: not known.
        size_mib: Size of the version's files, in MiB; 0: not known.
    """

    rows: int
    rows_with_nulls: int
    max_difference: float | None
    p99_ms: float
    cold_start_s: float
    resident_mib: float
    accepted: tuple[str, ...]
    answers: RowScores = ()
    wrong_labels: int = 0
    rows_per_second: float = 0.0
    size_mib: float = 0.0

    def numbers(self) -> dict[str, Number]:
        """The same values as the verdict stores them, without the answers."""
        numbers = {name: value for name, value in vars(self).items() if name != "answers"}
        return {**numbers, "accepted": ", ".join(self.accepted)}


class Replay:
    """Rows with their offline predictions, to replay against a candidate."""

    def __init__(self, rows: pd.DataFrame, package: Package, dataset: DatasetSpec) -> None:
        self._rows = rows
        self._columns = package.signature_columns
        self._dataset = dataset
        self._package = package
        self._expected = package.predict(rows).tolist()
        self._classes = package.manifest.get("classes") or ()

    def sample(self) -> dict[str, Any]:
        """A probe of a few rows without key and personal values, with their offline predictions."""
        rows = self._rows.head(SAMPLE_ROWS).copy()
        personal = self._package.manifest.get("pii") or {}
        for column in self._columns:
            if column.name in personal:
                rows[column.name] = NEUTRAL[column.type or "string"] if column.required else None
        payload = self._payload(rows, probe=True)
        names = {column.name for column in self._columns}
        payload["inputs"] = [one for one in payload["inputs"] if one["name"] in names]
        return {"payload": payload, "scores": self._package.predict(rows).tolist()}

    def run(self, candidate: Candidate) -> ReplayResult:
        """Send each row alone, all rows at once, and bad inputs; measure the answers."""
        together = self._payload(self._rows)
        good = _row_of(together, 0)
        for _ in range(WARM_UP_REQUESTS):
            candidate.infer(good)
        scores: list[Any] = []
        wrong_labels = 0
        milliseconds: list[float] = []
        for number in range(len(self._rows)):
            one = _row_of(together, number)
            began = time.perf_counter()
            answer = candidate.infer(one)
            milliseconds.append((time.perf_counter() - began) * 1000)
            scores.extend(answer.scores)
            wrong_labels += self._wrong_labels(answer)
        at_once: list[Any] = []
        times: list[float] = []
        for _ in range(TIMES_AT_ONCE):
            began = time.perf_counter()
            at_once.extend(candidate.infer(together).scores)
            times.append(time.perf_counter() - began)
        seconds = sorted(times)[TIMES_AT_ONCE // 2]
        expected = self._expected * (1 + TIMES_AT_ONCE)
        difference = max_difference([*scores, *at_once], expected)
        bad = malformed_requests(good, self._columns)
        names = [column.name for column in self._columns if column.name in self._rows]
        return ReplayResult(
            rows=len(self._rows),
            rows_with_nulls=int(self._rows[names].isna().any(axis=1).sum()),
            max_difference=difference,
            p99_ms=sorted(milliseconds)[int(0.99 * (len(milliseconds) - 1))],
            cold_start_s=candidate.cold_start_s,
            resident_mib=candidate.resident_mib,
            accepted=tuple(name for name, body in bad.items() if not candidate.refuses(body)),
            answers=tuple(scores),
            wrong_labels=wrong_labels,
            rows_per_second=len(self._rows) / seconds if seconds > 0 else 0.0,
        )

    def _wrong_labels(self, answer: Prediction) -> int:
        """Number of labels whose class does not have the largest score."""
        likeliest = [self._classes[row.index(max(row))] for row in map(list, _by_class(answer))]
        return sum(one != label for one, label in zip(likeliest, answer.labels, strict=True))

    def _payload(self, rows: pd.DataFrame, *, probe: bool = False) -> dict[str, Any]:
        return encode_rows(
            rows,
            self._columns,
            identity=self._dataset.identity,
            probe=probe,
        )


def _row_of(payload: Mapping[str, Any], row: int) -> dict[str, Any]:
    """Return the request of one of a request's rows."""
    inputs = [{**one, "shape": [1], "data": [one["data"][row]]} for one in payload["inputs"]]
    return {**payload, "inputs": inputs}


def _by_class(answer: Prediction) -> Sequence[Any]:
    return answer.scores if answer.labels else ()


def recent_rows(tables: Tables, dataset: DatasetSpec, *, rows: int) -> pd.DataFrame:
    """The newest rows by event time, as delivered last; up to a fifth have a value missing.

    Raises:
        NotComputable: There are no rows.
    """
    table = f"{dataset.dataset}/features"
    newest = tables.newest(table, dataset.identity.time.column)
    total = tables.count(table) if newest else 0
    if newest is None or total == 0:
        raise NotComputable("there are no rows to replay", where=table)
    # A label is none of a request's gaps.
    labels = dataset.streams.labels.columns if dataset.streams.in_one_file else {}
    version = tables.version(table) or 0
    columns = [name for name in tables.columns(table, version=version) if name not in labels]
    days, found, since = 1, None, newest
    while found is None or (len(found) < min(2 * rows, total) and since > EARLIEST):
        # An absurdly early event time must not lead beyond the first year.
        since = newest - min(timedelta(days=days), newest - EARLIEST)
        where = [(dataset.identity.time.column, ">=", since)]
        found = tables.read(table, version=version, columns=columns, where=where)
        days *= 4
    found = found.dropna(subset=[dataset.identity.key.column])
    found = _as_delivered_last(tables, dataset, found).sort_values(dataset.identity.time.column)
    gaps = found.isna().any(axis=1)
    with_nulls = found[gaps].tail(rows // NULL_SHARE)
    whole = found[~gaps].tail(rows - len(with_nulls))
    missing = rows - len(with_nulls) - len(whole)
    more = found[gaps].iloc[: -len(with_nulls) or None].tail(missing) if missing else found.head(0)
    chosen = found.index.isin([*with_nulls.index, *whole.index, *more.index])
    return found[chosen].reset_index(drop=True)


def _as_delivered_last(tables: Tables, dataset: DatasetSpec, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows without those whose key was delivered again later, with any event time."""
    table, key = f"{dataset.dataset}/features", dataset.identity.key.column
    version = tables.version(table)
    if version is None:
        return rows
    order = order_columns(tables, table, version=version)
    among = [(key, "in", rows[key].tolist())]
    every = tables.read(
        table, version=version, columns=list(dict.fromkeys([key, BATCH, *order])), where=among
    )
    newest = newest_by_key(every, key)[[key, BATCH]]
    return rows.merge(newest, on=[key, BATCH], validate="one_to_one")
