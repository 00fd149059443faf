"""Classes of a classification's labels: which there are, and whether a model can learn them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec.metrics import Task

SHOWN = 5
"""Number of classes that an error names; a class is a label, so its value may be shown."""

_OWN_SPELLING = (
    "deliver 0 and 1; or deliver the column under another name, declared `type: boolean`, "
    "with its spellings in `csv: {true: [...], false: [...]}` of dataset.yaml"
)
_MORE_CLASSES = (
    "more than two classes are not supported: deliver a column of 0 and 1 for the class in "
    "question, or set `task: regression` where the label is a quantity"
)


@dataclass(frozen=True)
class LabelClasses:
    """Classes that labels have.

    Attributes:
        rows: Number of rows by class, the commonest first.
    """

    rows: dict[str, int]

    def __str__(self) -> str:
        count = len(self.rows)
        named = [f"{name} ({rows:,} rows)" for name, rows in list(self.rows.items())[:SHOWN]]
        among = "" if count <= SHOWN else "the commonest are "
        return f"{count:,} class{'es' if count != 1 else ''}: {among}{', '.join(named)}"


def classes_of(labels: pd.Series[Any]) -> LabelClasses:
    """Return the classes of labels; missing ones are none."""
    counts = labels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return LabelClasses(
        {_spelled(name): int(rows) for name, rows in zip(counts.index, counts, strict=True)}
    )


def to_target(labels: pd.Series[Any], task: Task, *, column: str) -> pd.Series[Any]:
    """Return labels as numbers: 0 and 1 for classification, floats for regression.

    Args:
        labels: Labels of shape (n_rows,), none of them missing.
        task: Kind of prediction.
        column: Name of the label column, for the error.

    Raises:
        NotComputable: A label of a classification is neither 0 nor 1.
    """
    numbers = labels.astype("float64")
    if task == "regression":
        return numbers
    if not numbers.isin([0.0, 1.0]).all():
        found = classes_of(labels)
        raise NotComputable(
            "the labels do not fit `task: classification`",
            expected="two classes, 0 and 1, or false and true",
            found=str(found),
            where=f"column {column}",
            hint=_OWN_SPELLING if len(found.rows) <= 2 else _MORE_CLASSES,  # noqa: PLR2004
        )
    return numbers.astype("int64")


def require_both_classes(labels: pd.Series[Any], *, what: str, column: str, hint: str) -> None:
    """Raise unless labels of a classification have both classes.

    Args:
        labels: Labels of shape (n_rows,): 0 and 1.
        what: The rows that have them.
        column: Name of the label column.
        hint: What to try next.

    Raises:
        NotComputable: They have one class, or none.
    """
    found = classes_of(labels)
    if len(found.rows) < 2:  # noqa: PLR2004
        raise NotComputable(
            f"the labels of the {what} do not have both classes",
            expected="rows of both, 0 and 1, or false and true",
            found=str(found),
            where=f"column {column}",
            hint=hint,
        )


def _spelled(label: object) -> str:
    whole = isinstance(label, float) and label.is_integer()
    return str(int(label)) if whole else str(label).lower()  # type: ignore[call-overload]
