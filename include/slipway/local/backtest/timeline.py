"""Ingest a history period by period, and keep what the tables held at the end of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.adapters.landing_copy import copy_into_landing
from slipway.local.replay.history import History
from slipway.records.arrival_moments import keep_arrival
from slipway.records.scratch_folder import scratch_folder
from slipway.stages.model.label_rows import labels_table
from slipway.wiring import run_stage

if TYPE_CHECKING:
    from slipway.wiring import Container

FILE = "timeline.json"


@dataclass(frozen=True)
class Step:
    """What was known at the end of a period.

    Attributes:
        name: Name of the period, or `afterwards`.
        start: First moment of the period; None after the last one.
        end: Moment after its last; None after the last one.
        versions: Version of each table.
    """

    name: str
    start: datetime | None
    end: datetime | None
    versions: Mapping[str, int]

    @property
    def days(self) -> float:
        """Length of the period in days; 0 after the last one."""
        if self.start is None or self.end is None:
            return 0.0
        return (self.end - self.start).total_seconds() / 86_400


@dataclass(frozen=True)
class Timeline:
    """A history that was ingested.

    Attributes:
        root: Root of the store that holds its tables.
        steps: One for each period, and one for what is known after the last.
    """

    root: str
    steps: Sequence[Step]


def ingest_history(
    history: History, container: Container, *, folder: Path, tell: Callable[[str], None]
) -> Timeline:
    """Ingest what became known in each period, by the stage of the ring.

    One that was stopped goes on with the period that was stopped; ingesting is idempotent.

    Args:
        history: Rows of the past.
        container: Installation of the history, whose store gets the tables.
        folder: Where the steps are kept.
        tell: Called with how far it is.
    """
    steps = _read(folder / FILE)
    for number in range(len(steps), history.steps):
        tell(f"reading {history.name(number)}, {number + 1} of {history.steps}")
        _ingest(history, container, number)
        steps.append(_step(history, container, number))
        _write(folder / FILE, steps)
    return Timeline(container.store.root, steps)


def _ingest(history: History, container: Container, number: int) -> None:
    import pyarrow.parquet as pq

    store, dataset = container.store, history.spec.dataset
    with scratch_folder("slipway-backtest-", needs="a period's deliveries") as scratch:
        for place, (stream, batch, rows) in enumerate(history.deliveries(number)):
            draft = Path(scratch) / f"{place}.parquet"
            pq.write_table(rows, draft)
            if stream == "features" and (at := history.arrival(batch)) is not None:
                keep_arrival(store, dataset, batch, at=at)
            key = f"landing/{dataset}/{stream}/{batch}.parquet"
            copy_into_landing(draft, key, store=store)
            inputs = {"dataset": dataset, "stream": stream, "batch": batch, "file": key}
            run_stage("ingest", inputs, origin={"by": "slipway backtest"}, container=container)


def _step(history: History, container: Container, number: int) -> Step:
    dataset = history.spec.dataset
    names = dict.fromkeys((f"{dataset}/features", labels_table(history.spec)))
    versions = {name: container.tables.version(name) for name in names}
    period = history.periods[number] if number < len(history.periods) else None
    return Step(
        history.name(number),
        None if period is None else period.start,
        None if period is None else period.end,
        {name: version for name, version in versions.items() if version is not None},
    )


def _read(file: Path) -> list[Step]:
    try:
        kept = json.loads(file.read_text())
    except FileNotFoundError:
        return []
    return [
        Step(one["name"], _moment(one["start"]), _moment(one["end"]), one["versions"])
        for one in kept
    ]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _write(file: Path, steps: Sequence[Step]) -> None:
    text = json.dumps([asdict(one) for one in steps], default=datetime.isoformat, indent=1)
    draft = file.with_suffix(".tmp")
    draft.write_text(text)
    draft.replace(file)
