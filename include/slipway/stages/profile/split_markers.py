"""Tell columns that mark the rows of a split into training and test, which describe no row."""

from __future__ import annotations

from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import words

_ALONE = frozenset(
    {"train", "training", "trainset", "istrain", "intrain", "split", "partition", "fold"}
    | {"folds", "kfold", "holdout"}
)
_BESIDE = frozenset(
    {"test", "testing", "validation", "valid", "dev", "eval", "set", "subset", "is", "in", "for"}
    | {"or", "data", "cv", "no", "nr", "id"}
)
_MARKS = frozenset({"is", "in"})
_MOST_PARTS = 20
_PARTS = frozenset(
    {"train", "training", "test", "testing", "validation", "valid", "val", "dev", "holdout"}
)
"""Values of a column that names the part of each row."""


def marks_split(column: Column) -> bool:
    """Return whether a column says which rows are for training: `train`, `fold`, `is_test`.

    A test alone may be one of a patient, so its name is not enough.
    """
    if column.type in {"number", "timestamp"} or column.distinct > _MOST_PARTS:
        return False
    values = {str(one).strip().lower() for one in column.counts.index}
    if column.type == "string" and len(values & _PARTS) > 1 and values <= _PARTS:
        return True
    said = [one for one in words(column.name) if not one.isdigit()]
    named = bool(_ALONE & set(said)) and set(said) <= _ALONE | _BESIDE
    is_test = len(said) == 2 and said[0] in _MARKS and said[1] in _PARTS  # noqa: PLR2004
    return named or is_test
