"""The predictions of a policy's champions: what a prediction log would hold, made when read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.adapters.delta_tables.past_tables import PastTables
from slipway.adapters.model_package.kept_fits import FIT, KEPT_FIT
from slipway.local.backtest.timeline import Step, Timeline
from slipway.spec.logged_columns import logged_names
from slipway.stages.model.class_scores import answer_columns
from slipway.stages.model.key_text import key_texts
from slipway.stages.model.newest_delivery import newest_by_key, order_columns
from slipway.stages.ports.prediction_log import SampledRows

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import DatasetSpec
    from slipway.stages.ports.package import Package

_ALWAYS = ("request_id", "row", "event_time", "version")
_FRAMES = 4
"""Periods whose rows stay in memory."""


class AskedRows:
    """Rows of each period that models are asked about, as they were known at its end.

    Args:
        timeline: History.
        dataset: Its dataset.
        most: Most rows of a period, drawn with a fixed seed; None: all.
    """

    def __init__(self, timeline: Timeline, dataset: DatasetSpec, *, most: int | None) -> None:
        self.timeline = timeline
        self.dataset = dataset
        self._most = most
        self.of = lru_cache(maxsize=_FRAMES)(self._read)

    def _read(self, number: int) -> pd.DataFrame:
        """Rows of a step in time order: key, event time and every declared column."""
        step, identity = self.timeline.steps[number], self.dataset.identity
        tables = PastTables(self.timeline.root, step.versions)
        table = f"{self.dataset.dataset}/features"
        version = tables.version(table)
        if version is None or step.start is None or step.end is None:
            return tables.read(table).iloc[:0]
        order = order_columns(tables, table, version=version)
        time = identity.time.column
        where = [(time, ">=", step.start), (time, "<", step.end)]
        rows = tables.read(table, where=where).dropna(subset=[identity.key.column])
        rows = newest_by_key(rows, identity.key.column, drop=order)
        if self._most is not None and len(rows) > self._most:
            rows = rows.sample(self._most, random_state=0)
        return rows.sort_values([time, identity.key.column], ignore_index=True)


class Scores:
    """Scores of fits on the rows of steps, each computed once.

    Args:
        rows: Rows.
        folder: Folder of the scores, which several processes may share.
    """

    def __init__(self, rows: AskedRows, folder: Path) -> None:
        self.rows = rows
        self._folder = folder

    def of(self, package: Package, number: int) -> np.ndarray[Any, Any]:
        """Return the scores of a model on the rows of a step."""
        import numpy as np

        fit = fit_of(package.manifest)
        file = self._file(fit, number)
        if not file.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(f".{os.getpid()}.part")
            with draft.open("wb") as opened:
                np.save(opened, package.predict(self.rows.of(number)))
            draft.replace(file)
        return self.kept(fit, number)

    def kept(self, fit: str, number: int) -> np.ndarray[Any, Any]:
        """Return scores that were computed before."""
        import numpy as np

        found: np.ndarray[Any, Any] = np.load(self._file(fit, number))
        return found

    def _file(self, fit: str, number: int) -> Path:
        return self._folder / f"{fit}-{number:05d}.npy"


def fit_of(manifest: Mapping[str, Any]) -> str:
    """Return the digest of a version's fit."""
    return str(manifest[KEPT_FIT][FIT])


class PlayedLog:
    """Fulfils the `PredictionLog` port for the champions of one policy.

    Args:
        scores: Scores of the rows of each step.
        served: Version that served each step, by its number; steps may be added.
        load: Returns a version's model.
    """

    def __init__(
        self, scores: Scores, served: Mapping[int, int], load: Callable[[int], Package]
    ) -> None:
        self._scores = scores
        self._served = served
        self._load = load

    def days(self, model: str) -> list[date]:
        """Return the days that have predictions, oldest first."""
        del model
        found: set[date] = set()
        for number in self._served:
            step = self._step(number)
            if step.start is None or step.end is None:
                continue
            day, last = step.start.date(), (step.end - timedelta(microseconds=1)).date()
            while day <= last:
                found.add(day)
                day += timedelta(days=1)
        return sorted(found)

    def read(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return rows whose event time lies in [start, end), ordered by it."""
        import pandas as pd

        del model
        parts = [
            self._frame(number)
            for number, served in sorted(self._served.items())
            if (version is None or served == version) and self._touches(number, start, end)
        ]
        if not parts:
            wanted = dict.fromkeys((*_ALWAYS, *(columns or ())))
            empty = pd.DataFrame({name: [] for name in wanted})
            return empty.assign(event_time=pd.to_datetime(empty["event_time"], utc=True))
        rows = pd.concat(parts, ignore_index=True)
        if start is not None:
            rows = rows[rows["event_time"] >= start]
        if end is not None:
            rows = rows[rows["event_time"] < end]
        rows = rows.reset_index(drop=True)
        asked = None if columns is None else {*_ALWAYS, *columns}
        return rows if asked is None else rows[[name for name in rows if name in asked]]

    def stream(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows that `read` returns, in one batch."""
        asked = None if columns is None else [*columns, "key"]
        rows = self.read(model, start, end, version=version, columns=asked)
        if len(rows):
            yield rows

    def sample(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        rows: int,
        seed: int,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> SampledRows:
        """Return a uniform sample of the rows that `read` returns, and counts of all of them."""
        asked = None if columns is None else [*columns, "key"]
        every = self.read(model, start, end, version=version, columns=asked)
        return SampledRows.of(every, at_most=rows, seed=seed, columns=columns)

    def count(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
    ) -> int:
        """Return how many rows `read` would return."""
        return len(self.read(model, start, end, version=version, columns=()))

    def _step(self, number: int) -> Step:
        return self._scores.rows.timeline.steps[number]

    def _touches(self, number: int, start: datetime | None, end: datetime | None) -> bool:
        step = self._step(number)
        if step.start is None or step.end is None:
            return False
        return (end is None or step.start < end) and (start is None or step.end > start)

    def _frame(self, number: int) -> pd.DataFrame:
        """The rows of a step as they are logged."""
        rows, package = self._scores.rows.of(number), self._load(self._served[number])
        dataset = self._scores.rows.dataset
        declared, identity = dataset.streams.features.columns, dataset.identity
        names = logged_names(package.manifest)
        kept = [name for name in names if name in declared and declared[name].pii is None]
        times = rows[identity.time.column]
        answers = answer_columns(self._scores.of(package, number), package.manifest.get("classes"))
        return (
            rows[kept]
            .rename(columns=names)
            .assign(
                request_id=self._step(number).name,
                row=range(len(rows)),
                key=key_texts(rows[identity.key.column]),
                event_time=times,
                received_at=times,
                **answers,
                version=self._served[number],
            )
        )
