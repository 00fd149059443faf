"""Columns that the drift monitor compares, and their values made comparable."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable
from slipway.spec.labels import Label, spelled
from slipway.spec.logged_columns import logged_names
from slipway.stages.model.class_scores import LABEL, SCORE, SCORES, labels_of, score_matrix
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.value_types import ColumnType, canonical_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import DatasetSpec, ModelSpec

PERSONAL, UNWATCHED = "personal data", "`watch: false`"
"""Why columns are not compared."""


@dataclass(frozen=True)
class Columns:
    """Columns to compare, and the Evidently distance for each kind.

    Attributes:
        numeric: Numbers.
        categorical: Categories.
        numeric_method: Distance of numbers.
        categorical_method: Distance of categories.
        types: Declared types; empty for versions that were saved without them.
        classes: Classes of a multi-class model, in the order of its scores; None of others.
        scores: Columns of the scores: one, or one of each class.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    numeric_method: str
    categorical_method: str
    types: Mapping[str, ColumnType] = field(default_factory=dict)
    classes: tuple[Label, ...] | None = None
    scores: tuple[str, ...] = (SCORE,)

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, numeric first."""
        return (*self.numeric, *self.categorical)

    @property
    def answers(self) -> tuple[str, ...]:
        """Those of the model's answers: its scores, and of several classes the label."""
        return self.scores if self.classes is None else (*self.scores, LABEL)

    def without(self, names: Collection[str]) -> Columns:
        """Return the other columns."""
        return replace(
            self,
            numeric=tuple(name for name in self.numeric if name not in names),
            categorical=tuple(name for name in self.categorical if name not in names),
        )

    def methods(self) -> dict[str, str]:
        """Distance method by column."""
        return dict.fromkeys(self.numeric, self.numeric_method) | dict.fromkeys(
            self.categorical, self.categorical_method
        )


def monitored_columns(
    manifest: Mapping[str, Any], spec: ModelSpec, dataset: DatasetSpec
) -> tuple[Columns, dict[str, tuple[str, ...]]]:
    """Columns of a version to compare, and those that are left out, by the reason.

    Personal are those of the manifest, and those that the dataset declares so by now.
    """
    declared = dataset.streams.features.columns.items()
    left_out = {
        PERSONAL: {*manifest.get("pii", {}), *(name for name, one in declared if one.pii)},
        UNWATCHED: {name for name, one in declared if one.watch is False},
    }
    features, logged = manifest["features"], logged_names(manifest)

    def kept(kind: str) -> tuple[str, ...]:
        found = (one["name"] for one in features if one["kind"] == kind)
        return tuple(logged[name] for name in found if name not in set().union(*left_out.values()))

    classes: tuple[Label, ...] | None = None
    scores: tuple[str, ...] = (SCORE,)
    if manifest.get("task") == "multiclass":
        classes = tuple(manifest["classes"])
        scores = _score_names(classes, [one["name"] for one in features])
    columns = Columns(
        numeric=(*kept("number"), *scores),
        categorical=kept("string") if classes is None else (*kept("string"), LABEL),
        numeric_method=spec.monitoring.drift.numeric_method,
        categorical_method=spec.monitoring.drift.categorical_method,
        types={logged[one["name"]]: one["type"] for one in features if one.get("type")},
        classes=classes,
        scores=scores,
    )
    named = {
        reason: tuple(one["name"] for one in features if one["name"] in names)
        for reason, names in left_out.items()
    }
    return columns, {reason: names for reason, names in named.items() if names}


def _score_names(classes: Sequence[Label], taken: Collection[str]) -> tuple[str, ...]:
    """A name for the score of each class, which no feature has."""
    names = []
    for label in classes:
        name = f"score of {spelled(label)}"
        while name in taken:
            name += "_"
        names.append(name)
    return tuple(names)


def with_answers(
    frame: pd.DataFrame, scores: np.ndarray[Any, Any], columns: Columns
) -> pd.DataFrame:
    """Return rows with the columns of their scores, and of a multi-class model their labels.

    Args:
        frame: Rows.
        scores: Of shape (n_rows,), or (n_rows, n_classes).
        columns: Columns to compare.
    """
    if columns.classes is None:
        return frame.assign(**{SCORE: scores})
    answers = dict(zip(columns.scores, scores.T, strict=True))
    return frame.assign(**answers, **{LABEL: labels_of(scores, columns.classes)})


def logged_answers(rows: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Return logged rows with a column for the score of each class; others as they are.

    Raises:
        NotComputable: They have no scores of classes.
    """
    if columns.classes is None:
        return rows
    if SCORES not in rows:
        raise NotComputable("the predictions have no scores of classes", where=SCORES)
    return with_answers(rows, score_matrix(rows[SCORES], columns.classes), columns)


def tidy(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The compared columns as numbers or texts, null where there is no usable value.

    A category is the canonical text of its declared type, as the prediction log has it.
    """
    import pandas as pd

    tidied = {}
    for name in columns.names:
        values = frame[name] if name in frame else pd.Series(None, frame.index, dtype=object)
        if name in columns.numeric:
            numbers = pd.to_numeric(values, errors="coerce").astype("float64")
            tidied[name] = numbers.where(numbers.abs() != float("inf"))
        else:
            text = partial(_category, kind=columns.types.get(name))
            tidied[name] = values.astype(object).map(text, na_action="ignore")
    return pd.DataFrame(tidied, index=frame.index)


def _category(value: object, *, kind: ColumnType | None) -> str:
    with suppress(BadValue):
        parsed = None if kind is None else parse(value, kind)
        if parsed is not None:
            return canonical_text(parsed)
    return str(value)
