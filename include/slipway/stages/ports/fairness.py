"""Fairness port: how unequally a model treats groups of rows, with the error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from slipway.stages.ports.metrics import Resampling

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Groups:
    """Rows divided into groups.

    Attributes:
        by: Columns that divide them, in words.
        names: Names of the groups.
        codes: Number of each row's group, of shape (n_rows,); -1: of none.
    """

    by: str
    names: Sequence[str]
    codes: np.ndarray[Any, Any]


@dataclass(frozen=True)
class Bounded:
    """A figure with bounds that hold for all figures of a measurement at once.

    Attributes:
        value: The figure.
        lower: Lower one-sided bound.
        upper: Upper one-sided bound.
    """

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Disparity:
    """How unequal groups are by one metric.

    Attributes:
        metric: Name of the metric.
        by: Columns that divide the rows, in words.
        rates: By group and rate its value; of the groups that are compared.
        rows: Rows by group, of all groups.
        value: The metric; None: fewer than two groups can be compared.
        pair: Groups with the smaller and the greater rate, between which it is furthest beyond its
            limit, or of the greatest difference without one.
        excess: By how much it is beyond its limit, in units of a rate; None without one.
        other: The metric of the other model; None without one.
        increase: By how much it is worse than the other model's; None without one.
    """

    metric: str
    by: str
    rates: Mapping[str, Mapping[str, float]]
    rows: Mapping[str, int]
    value: float | None = None
    pair: tuple[str, str] | None = None
    excess: Bounded | None = None
    other: float | None = None
    increase: Bounded | None = None


class MeasureFairness(Protocol):
    """Measures how unequally models treat groups of rows."""

    def __call__(
        self,
        limits: Mapping[str, float | None],
        *,
        groups: Sequence[Groups],
        actual: np.ndarray[Any, Any],
        challenger: np.ndarray[Any, Any],
        other: np.ndarray[Any, Any] | None,
        min_rows: int,
        resampling: Resampling,
    ) -> Sequence[Disparity]:
        """Disparity by each metric and each division into groups.

        Args:
            limits: Limits by metric; None: without one.
            groups: Divisions of the rows.
            actual: Labels of shape (n_rows,); codes of classes for a classification.
            challenger: Predicted classes or values, of shape (n_rows,).
            other: Those of another model; None without one.
            min_rows: Least number of rows that count for each rate of a group.
            resampling: Blocks of the rows, and how they are resampled.
        """
