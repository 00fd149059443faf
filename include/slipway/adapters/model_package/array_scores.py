"""Score rows with a pipeline without a frame, which costs more than everything else for one row.

The column transformer that Slipway builds gives each part its columns of a frame. Here each part
gets them as an array, with the values that `cast` would give it, so that the answers are the same
to the last bit; the model server compares both ways before it uses this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from slipway.adapters.model_package.package import Package
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.value_types import LARGEST_NUMBER

Array = np.ndarray[Any, Any]
Values = Sequence[Sequence[Any]]

NUMBERS: tuple[type, ...] = (SimpleImputer, StandardScaler)
TEXTS: tuple[type, ...] = (OneHotEncoder, OrdinalEncoder, TargetEncoder)
TEXT_OR_MISSING = frozenset({str, type(None)})


class UseFrame(Exception):
    """These rows are left to the pipeline as it is, which reads or refuses them."""


@dataclass(frozen=True)
class _Part:
    """One part of the column transformer: its columns, by place, and what it does with them."""

    transformer: Any
    places: Sequence[int]
    is_text: bool

    def of(self, values: Values) -> Any:
        read = _texts if self.is_text else _numbers
        return self.transformer.transform(read([values[place] for place in self.places]))


def array_scores(package: Package) -> Callable[[Values], Array] | None:
    """Return a function that scores values by column, personal ones as hashes.

    None for a pipeline of another form.

    The function raises `UseFrame` for rows that it does not read.

    Args:
        package: The loaded version.
    """
    steps = package.pipeline.steps
    prepare = steps[0][1]
    if type(prepare) is not ColumnTransformer or len(steps) == 1 or not _is_plain(prepare):
        return None
    parts = _parts(prepare, package.pipeline_columns)
    if parts is None:
        return None
    model = steps[1][1] if len(steps) == 2 else Pipeline(steps[1:])  # noqa: PLR2004

    def score(values: Values) -> Array:
        prepared = np.hstack([part.of(values) for part in parts])
        return package.answers(model, prepared)

    return score


def _is_plain(prepare: ColumnTransformer) -> bool:
    """Whether its output is that of its parts, side by side."""
    return (
        not prepare.sparse_output_
        and prepare.transformer_weights is None
        and not hasattr(prepare, "_sklearn_output_config")
    )


def _parts(prepare: ColumnTransformer, columns: Sequence[RawColumn]) -> list[_Part] | None:
    by_name = {column.name: (place, column) for place, column in enumerate(columns)}
    parts = []
    for _, transformer, names in prepare.transformers_:
        if isinstance(transformer, str):
            if transformer != "drop":
                return None
            continue
        if len(names) == 0:
            continue
        taken = [by_name.get(name) for name in names]
        known = [one for one in taken if one is not None and one[1].type is not None]
        kinds = {column.kind for _, column in known}
        if len(known) < len(taken) or len(kinds) > 1:
            return None
        is_text = kinds == {"string"}
        unnamed = _without_names(transformer, TEXTS if is_text else NUMBERS)
        if unnamed is None:
            return None
        parts.append(_Part(unnamed, [place for place, _ in known], is_text))
    return parts


def _without_names(transformer: BaseEstimator, known: tuple[type, ...]) -> BaseEstimator | None:
    """A transformer that does not ask for the names of its columns; None if it is not known."""
    if type(transformer) is Pipeline:
        inner = [(name, _without_names(one, known)) for name, one in transformer.steps]
        return None if any(one is None for _, one in inner) else Pipeline(inner)
    if type(transformer) not in known:
        return None
    unnamed = copy(transformer)
    vars(unnamed).pop("feature_names_in_", None)
    return unnamed


def _numbers(columns: Values) -> Array:
    try:
        # NumPy reads None as NaN; minus zero becomes zero.
        numbers = np.array(columns, np.float64).T + 0.0
    except (TypeError, ValueError, OverflowError):
        raise UseFrame from None
    # The comparison is false for NaN.
    if (np.abs(numbers) > LARGEST_NUMBER).any():
        raise UseFrame
    return numbers


def _texts(columns: Values) -> Array:
    if not all(TEXT_OR_MISSING.issuperset(map(type, column)) for column in columns):
        raise UseFrame
    texts = np.empty((len(columns[0]), len(columns)), dtype=object)
    for place, column in enumerate(columns):
        texts[:, place] = [text or np.nan for text in column]
    return texts
