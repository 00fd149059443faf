"""Whether a pipeline's ONNX form answers as the pipeline does, on the rows that tell.

Most rows tell nothing: a form that computes in floats differs only where a number lies
beside a split of a tree. So such rows are made, beside samples of what the model has seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd

from slipway.adapters.model_package.columns import RawColumn, cast
from slipway.adapters.model_package.onnx_form import OnnxForm, Split
from slipway.adapters.model_package.package import Package
from slipway.stages.dividing import PART
from slipway.stages.engine_choice import TOLERANCE, Compared
from slipway.stages.onnx_form import SCORE, spelled

Scores = np.ndarray[Any, np.dtype[np.float64]]

SAMPLE_ROWS = 2_000
CHANGED_ROWS = 100
SINGLE_ROWS = 20
SPLITS = 400
UNSEEN = ("unseen by anyone", "", " ", "  ", "nan", "None", "\u00e9t\u00e9 \U0001f6a2", "a\nb")
EXTREMES = (0.0, -0.0, 1e-310, -1e-40, 1e-30, 16_777_217.0, 1e30, -1e30)
LABEL_BORDER = 0.5


@dataclass(frozen=True)
class Trial:
    """A pipeline and its ONNX form, asked the same.

    Attributes:
        package: The pipeline.
        form: Its ONNX form.
        seed: Which rows are sampled.
    """

    package: Package
    form: OnnxForm
    seed: int = 0

    def compare(self, reference: pd.DataFrame) -> list[Compared]:
        """How alike both answered, by kind of rows.

        Args:
            reference: Raw feature columns, and the part that each row belongs to.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            self.form.data, options, providers=["CPUExecutionProvider"]
        )
        compared = []
        for kind, rows in self._trials(reference):
            if not rows.empty:
                compared.append(self._measure(kind, rows, _answers(session, rows, self._columns)))
        singles = self._sample(self._cast(reference), SINGLE_ROWS)
        one_by_one = [
            _answers(session, singles.iloc[[number]], self._columns)
            for number in range(len(singles))
        ]
        if one_by_one:
            compared.append(
                self._measure("rows asked one by one", singles, np.concatenate(one_by_one))
            )
        return compared

    @property
    def _columns(self) -> Sequence[RawColumn]:
        return self.package.columns

    def _cast(self, rows: pd.DataFrame) -> pd.DataFrame:
        return cast(rows, self._columns).reset_index(drop=True)

    def _measure(self, kind: str, rows: pd.DataFrame, answers: Scores) -> Compared:
        expected = self.package.predict(rows)
        differences = np.abs(answers - expected) / np.maximum(1.0, np.abs(expected))
        flips = 0
        if self.package.task == "classification":
            flipped = (answers > LABEL_BORDER) != (expected > LABEL_BORDER)
            flips = int((flipped & (np.abs(expected - LABEL_BORDER) > TOLERANCE)).sum())
        # NaN wins a maximum, and a NaN never agrees.
        return Compared(kind, len(rows), float(differences.max()), flips)

    def _trials(self, reference: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        for part in ("training", "holdout"):
            rows = self._cast(reference[reference[PART] == part])
            name = "held-out" if part == "holdout" else part
            yield f"{name} rows", self._sample(rows, SAMPLE_ROWS)
        few = self._sample(self._cast(reference), CHANGED_ROWS)
        yield from self._gaps(few)
        yield from self._strangers(few)
        yield from self._extremes(few)
        yield from self._beside_splits(few)

    def _sample(self, rows: pd.DataFrame, count: int) -> pd.DataFrame:
        return rows.sample(min(count, len(rows)), random_state=self.seed).reset_index(drop=True)

    def _gaps(self, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        for column in self._columns:
            yield f"rows without {column.name}", self._cast(rows.assign(**{column.name: np.nan}))
        nothing = {column.name: np.nan for column in self._columns}
        yield "rows without any value", self._cast(rows.assign(**nothing))

    def _strangers(self, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        texts = np.resize(np.array(UNSEEN, dtype=object), len(rows))
        names = [column.name for column in self._columns if column.kind == "string"]
        for name in names:
            yield f"unseen categories of {name}", self._cast(rows.assign(**{name: texts}))

    def _extremes(self, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        numbers = np.resize(np.array(EXTREMES), len(rows))
        for column in self._columns:
            if column.kind == "number":
                far = self._cast(rows.assign(**{column.name: numbers}))
                yield f"extreme values of {column.name}", far

    def _beside_splits(self, rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
        random = np.random.default_rng(self.seed)
        splits = self.form.splits
        if rows.empty:
            return
        if len(splits) > SPLITS:
            chosen = random.choice(len(splits), SPLITS, replace=False)
            splits = tuple(splits[number] for number in chosen)
        by_column: dict[str, list[Scores]] = {}
        for split in splits:
            by_column.setdefault(split.origin.column, []).append(values_beside(split))
        for name, values in sorted(by_column.items()):
            beside = np.concatenate(values)
            around = rows.iloc[random.integers(0, len(rows), len(beside))]
            yield f"values beside splits of {name}", self._cast(around.assign(**{name: beside}))


def values_beside(split: Split) -> Scores:
    """Raw numbers at a split and as close to it as numbers can be, on both sides.

    A pipeline that rounds its features to floats decides where that rounding turns: half-way to
    the neighbouring floats. So those turning points and their neighbours are among them.

    Args:
        split: Where a tree divides the rows.
    """
    exact = np.float64(split.threshold)
    near = np.float32(exact)
    floats = np.array([np.nextafter(near, np.float32(end)) for end in (-np.inf, np.inf)])
    neighbours = floats.astype(np.float64)
    turns = (neighbours + np.float64(near)) / 2
    features = _with_neighbours(np.array([exact, np.float64(near), *neighbours, *turns]))
    raw = _with_neighbours(features * split.origin.scale + split.origin.shift)
    within = np.abs(raw) < np.finfo(np.float32).max
    return np.unique(raw[within])


def _with_neighbours(values: Scores) -> Scores:
    return np.concatenate([values, np.nextafter(values, -np.inf), np.nextafter(values, np.inf)])


def _answers(
    session: onnxruntime.InferenceSession, rows: pd.DataFrame, columns: Sequence[RawColumn]
) -> Scores:
    feed = {column.name: _tensor(rows[column.name], column.kind) for column in columns}
    answers: Scores = session.run([SCORE], feed)[0]
    return answers.ravel()


def _tensor(values: pd.Series[Any], kind: str) -> np.ndarray[Any, Any]:
    if kind == "number":
        return values.to_numpy(dtype=np.float64).reshape(-1, 1)
    texts = [spelled(text if isinstance(text, str) else None) for text in values]
    return np.array(texts, dtype=object).reshape(-1, 1)
