"""Real rows asked of a candidate, and inputs that it must refuse."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from slipway.errors import NotComputable
from slipway.records.verdicts import Number
from slipway.spec import DatasetSpec
from slipway.stages.model.agreement import max_difference
from slipway.stages.rollout.platform import Candidate, Payload, encode_rows

if TYPE_CHECKING:
    import pandas as pd

Columns = Sequence[tuple[str, str, bool]]

WARM_UP_REQUESTS = 10
SAMPLE_ROWS = 20
NULL_SHARE = 5


class Package(Protocol):
    """A loaded model version."""

    @property
    def signature_columns(self) -> Columns:
        """Name, kind (`number` or `string`) and whether it is required, by column."""

    def predict(self, frame: pd.DataFrame) -> Any:
        """Scores of shape (n_rows,)."""


class FeatureTables(Protocol):
    """Tables of a dataset."""

    def newest(self, table: str, column: str) -> datetime | None:
        """Largest value of a column; None when there is none."""

    def count(self, table: str) -> int:
        """Rows."""

    def read(self, table: str, *, where: Sequence[tuple[str, str, Any]] = ()) -> pd.DataFrame:
        """Rows that meet every condition."""


@dataclass(frozen=True)
class ReplayResult:
    """What a candidate showed.

    Attributes:
        rows: Real rows asked.
        rows_with_nulls: Those of them with a value missing.
        max_difference: Largest between an answer and the offline prediction, relative where that
            is above 1; None where they cannot be compared.
        p99_ms: 99th percentile of one-row latency, in milliseconds.
        cold_start_s: Seconds until the server was ready.
        resident_mib: Memory of its process, in MiB.
        accepted: Bad inputs that were not refused, by name.
        answers: Its answer to each row.
    """

    rows: int
    rows_with_nulls: int
    max_difference: float | None
    p99_ms: float
    cold_start_s: float
    resident_mib: float
    accepted: tuple[str, ...]
    answers: tuple[float, ...] = ()

    def numbers(self) -> dict[str, Number]:
        """The same facts as the verdict stores them, without the answers."""
        facts = {name: value for name, value in vars(self).items() if name != "answers"}
        return {**facts, "accepted": ", ".join(self.accepted)}


class Replay:
    """Real rows with their offline predictions, asked of a candidate."""

    def __init__(self, rows: pd.DataFrame, package: Package, dataset: DatasetSpec) -> None:
        self._rows = rows
        self._columns = package.signature_columns
        self._dataset = dataset
        self._expected = [float(score) for score in package.predict(rows)]

    def sample(self) -> dict[str, Any]:
        """A few of the rows with their offline predictions, as a probe."""
        return {
            "payload": self._payload(self._rows.head(SAMPLE_ROWS), probe=True),
            "scores": self._expected[:SAMPLE_ROWS],
        }

    def ask(self, candidate: Candidate) -> ReplayResult:
        """What the candidate showed: each row alone, all rows at once, and bad inputs."""
        for _ in range(WARM_UP_REQUESTS):
            candidate.infer(self._payload(self._rows.head(1)))
        scores: list[float] = []
        milliseconds: list[float] = []
        for number in range(len(self._rows)):
            one = self._payload(self._rows.iloc[[number]])
            began = time.perf_counter()
            scores.extend(candidate.infer(one).scores)
            milliseconds.append((time.perf_counter() - began) * 1000)
        at_once = candidate.infer(self._payload(self._rows)).scores
        difference = max_difference([*scores, *at_once], [*self._expected, *self._expected])
        good = self._payload(self._rows.head(1))
        bad = bad_inputs(good, self._columns)
        names = [name for name, _, _ in self._columns if name in self._rows]
        return ReplayResult(
            rows=len(self._rows),
            rows_with_nulls=int(self._rows[names].isna().any(axis=1).sum()),
            max_difference=difference,
            p99_ms=sorted(milliseconds)[int(0.99 * (len(milliseconds) - 1))],
            cold_start_s=candidate.cold_start_s,
            resident_mib=candidate.resident_mib,
            accepted=tuple(name for name, body in bad.items() if not candidate.refuses(body)),
            answers=tuple(scores),
        )

    def _payload(self, rows: pd.DataFrame, *, probe: bool = False) -> dict[str, Any]:
        return encode_rows(
            rows,
            self._columns,
            key=self._dataset.key,
            event_time=self._dataset.event_time,
            probe=probe,
        )


def recent_rows(tables: FeatureTables, dataset: DatasetSpec, *, rows: int) -> pd.DataFrame:
    """The newest rows by event time, up to a fifth of them with a value missing.

    Raises:
        NotComputable: There are no rows.
    """
    table = f"{dataset.dataset}/features"
    newest = tables.newest(table, dataset.event_time)
    total = tables.count(table) if newest else 0
    if newest is None or total == 0:
        raise NotComputable("there are no real rows to replay", where=table)
    days, found = 1, None
    while found is None or (len(found) < min(2 * rows, total)):
        since = newest - timedelta(days=days)
        found = tables.read(table, where=[(dataset.event_time, ">=", since)])
        days *= 4
    found = found.sort_values(dataset.event_time)
    gaps = found.isna().any(axis=1)
    with_nulls = found[gaps].tail(rows // NULL_SHARE)
    whole = found[~gaps].tail(rows - len(with_nulls))
    missing = rows - len(with_nulls) - len(whole)
    more = found[gaps].iloc[: -len(with_nulls) or None].tail(missing) if missing else found.head(0)
    chosen = found.index.isin([*with_nulls.index, *whole.index, *more.index])
    return found[chosen].reset_index(drop=True)


def bad_inputs(good: Payload, columns: Columns) -> dict[str, bytes]:
    """Bodies that a server has to refuse, by what is wrong with them.

    Args:
        good: A request with one row that is answered.
        columns: Name, kind and requiredness of the model's inputs.
    """
    first, kind, _ = columns[0]
    inputs = good["inputs"]
    wrong = ["text"] if kind == "number" else [1.5]
    bodies = {
        "missing column": [tensor for tensor in inputs if tensor["name"] != first],
        "extra column": [*inputs, {**inputs[0], "name": "no_such_column"}],
        "wrong type": _with(inputs, first, data=wrong),
        "wrong shape": _with(inputs, first, shape=[2]),
    }
    required = next((name for name, _, required in columns if required), None)
    if required is not None:
        bodies["null where none is allowed"] = _with(inputs, required, data=[None])
    encoded = {name: json.dumps({"inputs": body}).encode() for name, body in bodies.items()}
    number = next((name for name, kind, _ in columns if kind == "number"), None)
    if number is not None:
        # Python's encoder writes the bare word NaN, which is not JSON.
        not_a_number = {"inputs": _with(inputs, number, data=[float("nan")])}
        encoded["NaN"] = json.dumps(not_a_number).encode()
    return encoded | {"broken JSON": b'{"inputs": [', "no inputs": b'{"inputs": []}'}


def _with(inputs: Sequence[Mapping[str, Any]], name: str, **change: Any) -> list[dict[str, Any]]:
    return [{**tensor, **change} if tensor["name"] == name else {**tensor} for tensor in inputs]
