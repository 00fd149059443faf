"""Make the rows on which an ONNX form is compared with its pipeline.

Samples of the training data are not enough: a form that computes in floats differs only where
a number lies beside a tree's split. So rows beside splits, and other rare rows, are made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.model_package.columns import cast
from slipway.adapters.model_package.onnx_form import Split
from slipway.adapters.model_package.untyped_columns import LARGEST
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.ports.raw_column import RawColumn

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Trial = tuple[str, pd.DataFrame]

SAMPLE_ROWS = 2_000
CHANGED_ROWS = 100
SPLITS = 400
CATEGORIES = 1_000
UNSEEN = ("unseen by anyone", "", " ", "  ", "nan", "None", "\u00e9t\u00e9 \U0001f6a2", "a\nb")
EXTREMES = (0.0, -0.0, 1e-310, -1e-40, 1e-30, 16_777_217.0, 1e30, -1e30)


@dataclass(frozen=True)
class TrialRows:
    """Trial rows of every kind for one model.

    Attributes:
        columns: The model's raw columns.
        splits: Splits of its trees on raw numbers.
        seed: Seed of the sampling.
    """

    columns: Sequence[RawColumn]
    splits: Sequence[Split]
    seed: int = 0

    def kinds(self, reference: ReferenceRows) -> Iterator[Trial]:
        """Yield the name of each kind with its rows, cast and never empty.

        Args:
            reference: Rows of the training.
        """
        seen = cast(reference.features, self.columns)
        held_out = reference.held_out
        for chosen, name in ((~held_out, "training rows"), (held_out, "held-out rows")):
            sample = self._sample(seen[chosen], SAMPLE_ROWS)
            if not sample.empty:
                yield name, sample
        few = self._sample(seen, CHANGED_ROWS)
        if few.empty:
            return
        yield from self._missing_values(few)
        yield from self._categories(few, seen)
        yield from self._extremes(few)
        yield from self._beside_splits(few)

    def _names(self, kind: str) -> list[str]:
        return [column.name for column in self.columns if column.kind == kind]

    def _sample(self, rows: pd.DataFrame, count: int) -> pd.DataFrame:
        sample = rows.sample(min(count, len(rows)), random_state=self.seed)
        return sample.reset_index(drop=True)

    def _with_values(self, rows: pd.DataFrame, changes: dict[str, Any]) -> pd.DataFrame:
        changed = rows.copy()
        for name, values in changes.items():
            changed[name] = values
        return cast(changed, self.columns)

    def _missing_values(self, rows: pd.DataFrame) -> Iterator[Trial]:
        for column in self.columns:
            yield f"rows without {column.name}", self._with_values(rows, {column.name: np.nan})
        nothing = dict.fromkeys((column.name for column in self.columns), np.nan)
        yield "rows without any value", self._with_values(rows, nothing)

    def _categories(self, rows: pd.DataFrame, seen: pd.DataFrame) -> Iterator[Trial]:
        for name in self._names("string"):
            known = seen[name].dropna().unique()[:CATEGORIES]
            near_misses = [f"{pad}{text}{pad}" for text in known[:2] for pad in (" ", "\0", ".")]
            unseen = [*UNSEEN, *near_misses]
            for kind, texts in (("known", known), ("unseen", unseen)):
                if len(texts) > 0:
                    around = rows.iloc[np.arange(len(texts)) % len(rows)]
                    values = np.array(texts, dtype=object)
                    yield f"{kind} categories of {name}", self._with_values(around, {name: values})

    def _extremes(self, rows: pd.DataFrame) -> Iterator[Trial]:
        numbers = np.resize(np.array(EXTREMES), len(rows))
        for name in self._names("number"):
            yield f"extreme values of {name}", self._with_values(rows, {name: numbers})

    def _beside_splits(self, rows: pd.DataFrame) -> Iterator[Trial]:
        random = np.random.default_rng(self.seed)
        count = min(SPLITS, len(self.splits))
        beside: dict[str, list[Numbers]] = {}
        for chosen in random.choice(len(self.splits), count, replace=False) if count else ():
            split = self.splits[chosen]
            beside.setdefault(split.origin.column, []).append(values_beside(split))
        for name, found in sorted(beside.items()):
            values = np.concatenate(found)
            around = rows.iloc[random.integers(0, len(rows), len(values))]
            yield f"values beside splits of {name}", self._with_values(around, {name: values})


def values_beside(split: Split) -> Numbers:
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
    return np.unique(raw[np.abs(raw) <= LARGEST])


def _with_neighbours(values: Numbers) -> Numbers:
    return np.concatenate([values, np.nextafter(values, -np.inf), np.nextafter(values, np.inf)])
