"""Make the rows on which an ONNX form is compared with its pipeline.

Samples of the training data are not enough: a form that computes in floats differs only where
a number lies beside a tree's split. So rows beside splits, and other rare rows, are made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, zip_longest
from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.model_package.columns import cast
from slipway.adapters.model_package.onnx_form import Split
from slipway.adapters.model_package.trial_values import (
    Numbers,
    extreme_numbers,
    nearest_values,
    unseen_categories,
)
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.ports.raw_column import RawColumn

Places = np.ndarray[Any, np.dtype[np.int64]]

SAMPLE_ROWS = 2_000
CHANGED_ROWS = 100
SPLITS = 400
CATEGORIES = 1_000


@dataclass(frozen=True)
class Trial:
    """Trial rows of one kind: rows of the training, some columns of which are changed.

    The first rows of a trial are a fair sample of it.

    Attributes:
        kind: What the rows have in common.
        places: Positions of the rows among those of the training, of shape (n_rows,).
        changes: Values of the changed columns, each of shape (n_rows,).
    """

    kind: str
    places: Places
    changes: Mapping[str, np.ndarray[Any, Any]]

    def __len__(self) -> int:
        return len(self.places)

    def head(self, count: int) -> Trial:
        """Return the trial's first rows."""
        changes = {name: values[:count] for name, values in self.changes.items()}
        return Trial(self.kind, self.places[:count], changes)


@dataclass(frozen=True)
class TrialRows:
    """Trial rows of every kind for one model.

    Attributes:
        columns: The model's raw columns.
        splits: Splits of its trees on raw numbers.
        reference: Rows of the training.
        seed: Seed of the sampling.
    """

    columns: Sequence[RawColumn]
    splits: Sequence[Split]
    reference: ReferenceRows
    seed: int = 0

    @cached_property
    def seen(self) -> pd.DataFrame:
        """Cast rows of the training."""
        return cast(self.reference.features, self.columns).reset_index(drop=True)

    def unchanged(self) -> list[Trial]:
        """Return trials of training rows and of held-out rows; none of them is empty."""
        held_out = self.reference.held_out
        parts = {"training rows": ~held_out, "held-out rows": held_out}
        trials = [
            Trial(kind, self._sampled(np.flatnonzero(chosen), SAMPLE_ROWS), {})
            for kind, chosen in parts.items()
        ]
        return [trial for trial in trials if len(trial)]

    def changed(self) -> list[Trial]:
        """Return the trials of all other kinds, those of a mistake each taking turns."""
        if self.seen.empty:
            return []
        few = self._sampled(np.arange(len(self.seen)), CHANGED_ROWS)
        made = [
            list(trials)
            for trials in (
                self._missing_values(few),
                self._categories(few),
                self._extremes(few),
                self._beside_splits(few),
            )
        ]
        random = np.random.default_rng(self.seed)
        in_turn = zip_longest(
            *([one[place] for place in random.permutation(len(one))] for one in made)
        )
        return [trial for trial in chain.from_iterable(in_turn) if trial is not None]

    def frame(self, trials: Sequence[Trial]) -> pd.DataFrame:
        """Return the cast rows of trials, one after the other."""
        rows = self.seen.take(np.concatenate([trial.places for trial in trials]))
        rows = rows.reset_index(drop=True)
        kinds = {column.name: column.kind for column in self.columns}
        changed: dict[str, np.ndarray[Any, Any]] = {}
        start = 0
        for trial in trials:
            for name, values in trial.changes.items():
                if name not in changed:
                    dtype = np.float64 if kinds[name] == "number" else object
                    changed[name] = rows[name].to_numpy(dtype=dtype, copy=True)
                changed[name][start : start + len(trial)] = values
            start += len(trial)
        for name, values in changed.items():
            rows[name] = values
        return cast(rows, self.columns)

    def _of_kind(self, kind: str) -> list[RawColumn]:
        return [column for column in self.columns if column.kind == kind]

    def _sampled(self, places: Places, count: int) -> Places:
        random = np.random.default_rng(self.seed)
        return random.permutation(places)[:count]

    def _missing_values(self, rows: Places) -> Iterator[Trial]:
        nothing = np.full(len(rows), np.nan)
        names = [column.name for column in self.columns]
        yield Trial("rows without any value", rows, dict.fromkeys(names, nothing))
        for name in names:
            yield Trial(f"rows without {name}", rows, {name: nothing})

    def _categories(self, rows: Places) -> Iterator[Trial]:
        random = np.random.default_rng(self.seed)
        for column in self._of_kind("string"):
            name = column.name
            known = random.permutation(self.seen[name].dropna().unique().astype(object))
            unseen = unseen_categories(column, known[:2].tolist())
            for kind, texts in (("known", known[:CATEGORIES]), ("unseen", unseen)):
                if len(texts) > 0:
                    around = rows[np.arange(len(texts)) % len(rows)]
                    values = np.array(texts, dtype=object)
                    yield Trial(f"{kind} categories of {name}", around, {name: values})

    def _extremes(self, rows: Places) -> Iterator[Trial]:
        for column in self._of_kind("number"):
            name, numbers = column.name, np.resize(extreme_numbers(column), len(rows))
            yield Trial(f"extreme values of {name}", rows, {name: numbers})

    def _beside_splits(self, rows: Places) -> Iterator[Trial]:
        random = np.random.default_rng(self.seed)
        count = min(SPLITS, len(self.splits))
        columns = {column.name: column for column in self.columns}
        beside: dict[str, list[Numbers]] = {}
        for chosen in random.choice(len(self.splits), count, replace=False) if count else ():
            split = self.splits[chosen]
            near = values_beside(split, columns[split.origin.column])
            beside.setdefault(split.origin.column, []).append(near)
        for name, found in sorted(beside.items()):
            values = random.permutation(np.concatenate(found))
            if len(values) == 0:
                continue
            around = rows[random.integers(0, len(rows), len(values))]
            yield Trial(f"values beside splits of {name}", around, {name: values})


def values_beside(split: Split, column: RawColumn) -> Numbers:
    """Return raw numbers at a split and as close to it as possible on both sides.

    Where an estimator rounds features to floats, its decision changes half-way to the neighbouring
    floats: those midpoints and their neighbours are included.
    """
    exact, near = np.float64(split.threshold), np.float32(split.threshold)
    ends = np.array([np.nextafter(near, np.float32(end)) for end in (-np.inf, np.inf)])
    floats = np.array([near, *ends], dtype=np.float64)
    midpoints = (floats[1:] + floats[0]) / 2
    features = _with_neighbours(np.array([exact, *floats, *midpoints]))
    # Undoing a scaler rounds once more, so the raw number may be a neighbour of this one.
    raw = _with_neighbours(features * split.origin.scale + split.origin.shift)
    return nearest_values(raw, column)


def _with_neighbours(values: Numbers) -> Numbers:
    return np.concatenate([values, np.nextafter(values, -np.inf), np.nextafter(values, np.inf)])
