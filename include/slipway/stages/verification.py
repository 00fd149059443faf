"""The last check before traffic: the real server, real rows, and inputs that it must refuse."""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from slipway.errors import BadRequest, NotComputable, RolloutRefused, Tampered
from slipway.records.runs import Attempt, Number, RunRecord, RunRef, Verdict, perform
from slipway.records.store import Store, encode
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.model import Verify
from slipway.stages.platform import Candidate, Payload, Platform, payload
from slipway.stages.reconciling import REFUSED, TAG, Rollout, hold, let_go, rollout_of

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


class Folders(Protocol):
    """The part of the registry that holds versions' folders and notes."""

    def download(self, model: str, version: int, to: Path) -> Path:
        """The folder of a version, its digests checked.

        Raises:
            Tampered: A file differs from its digest.
        """

    def tag(self, model: str, version: int, tags: Mapping[str, str]) -> None:
        """Note something about a version."""


class FeatureTables(Protocol):
    """Tables of a dataset."""

    def newest(self, table: str, column: str) -> datetime | None:
        """Largest value of a column; None when there is none."""

    def count(self, table: str) -> int:
        """Rows."""

    def read(self, table: str, *, where: Sequence[tuple[str, str, Any]] = ()) -> pd.DataFrame:
        """Rows that meet every condition."""


@dataclass(frozen=True)
class Measured:
    """What a candidate showed.

    Attributes:
        rows: Real rows asked.
        rows_with_nulls: Those of them with a value missing.
        max_absolute_difference: Largest between an answer and the offline prediction; None where
            they cannot be compared.
        p99_ms: 99th percentile of one-row latency, in milliseconds.
        cold_start_s: Seconds until the server was ready.
        resident_mib: Memory of its process, in MiB.
        accepted: Bad inputs that were not refused, by name.
    """

    rows: int
    rows_with_nulls: int
    max_absolute_difference: float | None
    p99_ms: float
    cold_start_s: float
    resident_mib: float
    accepted: tuple[str, ...]

    def numbers(self) -> dict[str, Number]:
        """The same facts as the verdict stores them."""
        return {**vars(self), "accepted": ", ".join(self.accepted)}


def judge(measured: Measured, bars: Verify, *, version: int, slow_is_fine: bool) -> Verdict:
    """Whether a candidate may serve; pure.

    Args:
        measured: What it showed.
        bars: What the spec demands.
        version: Which version it is.
        slow_is_fine: Whether latency is only noted. A return to a known version is not stopped
            by a busy machine: whatever makes it urgent is worse.
    """
    numbers = measured.numbers() | {"version": version}
    wrong = []
    difference, allowed = measured.max_absolute_difference, bars.max_absolute_difference
    if difference is None:
        wrong.append("its answers cannot be compared with its offline predictions")
    elif difference > allowed:
        wrong.append(
            f"its answers differ from its offline predictions by up to {difference:.3g} "
            f"({allowed:.3g} is allowed)"
        )
    if measured.accepted:
        wrong.append(f"it accepted bad inputs: {', '.join(measured.accepted)}")
    if measured.p99_ms > bars.max_p99_ms and not slow_is_fine:
        wrong.append(f"its p99 is {measured.p99_ms:.0f} ms ({bars.max_p99_ms:.0f} are allowed)")
    if wrong:
        return Verdict(REFUSED, f"Version {version} may not serve: {'; '.join(wrong)}.", numbers)
    reason = (
        f"Version {version} answered {measured.rows} real rows as it predicts offline "
        f"(difference {difference or 0:.1g}, p99 {measured.p99_ms:.0f} ms), "
        f"and refused every bad input."
    )
    return Verdict("verified", reason, numbers)


def verify(
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    rollout: str,
    store: Store,
    registry: Folders,
    platform: Platform,
    tables: FeatureTables,
    load: Callable[[Path], Package],
    origin: Mapping[str, Any],
) -> RunRecord:
    """`verified` or `refused`, with what the candidate showed in the real server.

    Args:
        spec: The model.
        dataset: Its dataset.
        rollout: Run id that `reconcile` gave.
        store: Where records live.
        registry: Where the version's folder is.
        platform: Boots the real server.
        tables: Real rows.
        load: Loads a version's folder, for its offline predictions.
        origin: Who runs it.

    Raises:
        Superseded: Another rollout has taken over.
    """
    plan = rollout_of(store, spec.model, rollout)
    ref = RunRef(spec.model, rollout, "verify")

    def work(attempt: Attempt) -> Verdict:
        hold(store, plan)
        verdict = _examine(
            plan,
            spec,
            dataset,
            registry=registry,
            platform=platform,
            tables=tables,
            load=load,
            keep=lambda sample: store.write(sample_key(ref), encode(sample)),
        )
        hold(store, plan)
        attempt.check()
        # A champion that is being put back serves already; a tag would only block its return.
        if plan.action != "repair":
            registry.tag(spec.model, plan.version, {TAG: verdict.action})
        return verdict

    inputs = {"version": plan.version, "action": plan.action}
    record = perform(store, ref, work, inputs=inputs, origin=origin)
    if record.verdict.action == REFUSED:
        let_go(store, plan)
    return record


def sample_key(ref: RunRef) -> str:
    """Store key of a few rows with their offline predictions, for reading back what serves."""
    return f"{ref.beside('verify').folder}/sample.json"


def _examine(
    plan: Rollout,
    spec: ModelSpec,
    dataset: DatasetSpec,
    *,
    registry: Folders,
    platform: Platform,
    tables: FeatureTables,
    load: Callable[[Path], Package],
    keep: Callable[[dict[str, Any]], None],
) -> Verdict:
    bars = spec.deployment.verify
    try:
        with tempfile.TemporaryDirectory(prefix="slipway-candidate-") as scratch:
            folder = registry.download(spec.model, plan.version, Path(scratch) / "version")
            package = load(folder)
            replay = _Replay(recent_rows(tables, dataset, rows=bars.replay_rows), package, dataset)
            keep(replay.sample())
            with platform.boot(spec.model, version=plan.version, folder=folder) as candidate:
                measured = replay.ask(candidate)
    except (Tampered, RolloutRefused, NotComputable, BadRequest) as error:
        reason = f"Version {plan.version} may not serve: {error.message}."
        if error.found:
            reason += f" Found: {error.found}."
        return Verdict(REFUSED, reason, {"version": plan.version})
    urgent = plan.action in {"roll_back", "repair"}
    return judge(measured, bars, version=plan.version, slow_is_fine=urgent)


class _Replay:
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

    def ask(self, candidate: Candidate) -> Measured:
        """What the candidate showed: each row alone, all rows at once, and bad inputs."""
        for _ in range(WARM_UP_REQUESTS):
            candidate.infer(self._payload(self._rows.head(1)))
        scores, milliseconds = [], []
        for number in range(len(self._rows)):
            one = self._payload(self._rows.iloc[[number]])
            began = time.perf_counter()
            scores.extend(candidate.infer(one).scores)
            milliseconds.append((time.perf_counter() - began) * 1000)
        at_once = candidate.infer(self._payload(self._rows)).scores
        difference = _difference([*scores, *at_once], [*self._expected, *self._expected])
        good = self._payload(self._rows.head(1))
        bad = bad_inputs(good, self._columns)
        names = [name for name, _, _ in self._columns if name in self._rows]
        return Measured(
            rows=len(self._rows),
            rows_with_nulls=int(self._rows[names].isna().any(axis=1).sum()),
            max_absolute_difference=difference,
            p99_ms=sorted(milliseconds)[int(0.99 * (len(milliseconds) - 1))],
            cold_start_s=candidate.cold_start_s,
            resident_mib=candidate.resident_mib,
            accepted=tuple(name for name, body in bad.items() if not candidate.refuses(body)),
        )

    def _payload(self, rows: pd.DataFrame, *, probe: bool = False) -> dict[str, Any]:
        return payload(
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


def _difference(scores: Sequence[float], expected: Sequence[float]) -> float | None:
    if len(scores) != len(expected):
        return None
    gaps = [abs(one - other) for one, other in zip(scores, expected, strict=True)]
    # Not `max` alone: it may pass over what is not a number.
    return max(gaps) if all(map(math.isfinite, gaps)) else None
