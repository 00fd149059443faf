"""Classes of a classification's labels: which there are, and whether a model can learn them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.errors import NotComputable
from slipway.spec.labels import MOST_CLASSES, Label, spelled
from slipway.spec.target_classes import declared_classes

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import ModelSpec

SHOWN = 5
"""Number of classes that an error names: numbers, truth values, and texts that a spec declares."""

TWO = 2
"""Classes of a binary classification."""

UNSEEN = -1
"""Code of a label of a class that a version does not know."""

_NAME_ONE = (
    "name class 1 with `positive:` in model.yaml, such as `positive: UP`; 1 and true need no name"
)
_MORE_CLASSES = (
    "set `task: multiclass` for more than two classes, or `task: regression` where the label is a "
    "quantity"
)
_TOO_MANY = (
    "group rare classes into one before they are delivered, or set `task: regression` where the "
    "label is a quantity"
)
_DECLARE = "add every class to `classes` in model.yaml, or leave the field out"


@dataclass(frozen=True)
class LabelClasses:
    """Classes that labels have.

    Attributes:
        rows: Number of rows by class, the commonest first.
        unnamed: Number of further classes, whose texts no spec declares.
    """

    rows: dict[str, int]
    unnamed: int = 0

    def __len__(self) -> int:
        return len(self.rows) + self.unnamed

    def __str__(self) -> str:
        count = len(self)
        named = [f"{name} ({rows:,} rows)" for name, rows in list(self.rows.items())[:SHOWN]]
        found = f"{count:,} class{'es' if count != 1 else ''}"
        if not named:
            return found
        among = "" if len(named) == count else "the commonest are "
        return f"{found}: {'among them ' if self.unnamed else among}{', '.join(named)}"


def classes_of(labels: pd.Series[Any], *, declared: Sequence[Label] = ()) -> LabelClasses:
    """Return the classes of labels; missing ones are none.

    Args:
        labels: Labels of shape (n_rows,).
        declared: Classes that the spec names; other texts are counted, not named.
    """
    counts = labels.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    sizes = {_plain(name): int(rows) for name, rows in zip(counts.index, counts, strict=True)}
    named = {
        spelled(name): rows
        for name, rows in sizes.items()
        if not isinstance(name, str) or name in declared
    }
    return LabelClasses(named, unnamed=len(sizes) - len(named))


def pinned_classes(labels: pd.Series[Any], spec: ModelSpec) -> tuple[Label, ...] | None:
    """Return the classes that a version learns, in the order of their codes.

    Of a binary classification class 1 is the last. None for a regression.

    Args:
        labels: Labels of the training, of shape (n_rows,), none of them missing.
        spec: Model, with the classes that it declares.

    Raises:
        NotComputable: The labels do not fit the task.
    """
    if spec.task == "regression":
        return None
    if spec.task == "multiclass":
        return _multiclass(labels, spec)
    if spec.positive is None:
        _require_zero_and_one(labels, spec)
        return (False, True) if labels.dtype == "boolean" else (0, 1)
    others = [one for one in map(_plain, labels.unique()) if one != spec.positive]
    if len(others) > 1:
        raise _unfitting(labels, spec)
    return (*others, spec.positive)


def to_target(
    labels: pd.Series[Any], spec: ModelSpec, *, classes: Sequence[Label] | None = None
) -> pd.Series[Any]:
    """Return labels as a model learns them: codes of classes, or the floats of a regression.

    The one place where labels are mapped, for training and for performance; tables keep them as
    they were delivered.

    Args:
        labels: Labels of shape (n_rows,), none of them missing.
        spec: Model, with its task and the classes that it declares.
        classes: The version's classes, in the order of their codes; None: those of these labels.

    Raises:
        NotComputable: A label of a classification is of none of two classes. One of a multi-class
            model that the version does not know is `UNSEEN`.
    """
    if spec.task == "regression":
        return labels.astype("float64")
    if spec.task == "multiclass":
        return _codes(labels, _multiclass(labels, spec) if classes is None else classes)
    if spec.positive is None:
        _require_zero_and_one(labels, spec)
        return labels.astype("float64").astype("int64")
    known = pinned_classes(labels, spec) if classes is None else classes
    if not labels.isin(list(known or ())).all():
        raise _unfitting(labels, spec)
    return labels.eq(spec.positive).astype("int64")


def require_both_classes(labels: pd.Series[Any], spec: ModelSpec, *, what: str, hint: str) -> None:
    """Raise unless labels have both classes, or two of more.

    Args:
        labels: Labels of shape (n_rows,), none of them missing.
        spec: Model.
        what: The rows that have them.
        hint: What to try next.

    Raises:
        NotComputable: They have one class, or none.
    """
    found = classes_of(labels, declared=declared_classes(spec))
    if len(found) < TWO:
        several = spec.task == "multiclass"
        raise NotComputable(
            f"the labels of the {what} do not have {'two' if several else 'both'} classes",
            expected="rows of two or more" if several else f"rows of both, {_two(spec)}",
            found=str(found),
            where=f"column {spec.target}",
            hint=hint,
        )


def _multiclass(labels: pd.Series[Any], spec: ModelSpec) -> tuple[Label, ...]:
    """Return the declared classes, or those of the labels, sorted."""
    found = classes_of(labels, declared=declared_classes(spec))
    if spec.classes is not None:
        others = ~labels.isin(spec.classes)
        if others.any():
            raise NotComputable(
                "labels have classes that the model does not declare",
                expected=f"one of {len(spec.classes)} classes",
                found=f"others in {int(others.sum()):,} of {len(labels):,} rows",
                where=f"column {spec.target}",
                hint=_DECLARE,
            )
        return tuple(spec.classes)
    if len(found) > MOST_CLASSES:
        raise NotComputable(
            "the labels have too many classes",
            expected=f"at most {MOST_CLASSES}",
            found=str(found),
            where=f"column {spec.target}",
            hint=_TOO_MANY,
        )
    return tuple(sorted(map(_plain, labels.unique())))


def _codes(labels: pd.Series[Any], classes: Sequence[Label]) -> pd.Series[Any]:
    codes = labels.map({label: code for code, label in enumerate(classes)})
    return codes.astype("Int64").fillna(UNSEEN).astype("int64")


def _require_zero_and_one(labels: pd.Series[Any], spec: ModelSpec) -> None:
    values = [_plain(one) for one in labels.unique()]
    # False and True are equal to 0 and 1.
    if any(one not in {0, 1} for one in values):
        raise _unfitting(labels, spec)


def _unfitting(labels: pd.Series[Any], spec: ModelSpec) -> NotComputable:
    found = classes_of(labels, declared=declared_classes(spec))
    return NotComputable(
        "the labels do not fit `task: classification`",
        expected=f"two classes, {_two(spec)}",
        found=str(found),
        where=f"column {spec.target}",
        hint=_NAME_ONE if len(found) <= TWO and spec.positive is None else _MORE_CLASSES,
    )


def _two(spec: ModelSpec) -> str:
    if spec.positive is None:
        return "0 and 1, or false and true"
    return f"{spelled(spec.positive)} and one other"


def _plain(label: Any) -> Any:
    """Return a scalar of NumPy as Python's own."""
    return label.item() if hasattr(label, "item") else label
