"""What a picture of a report shows, as plain values; adapters draw it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AgainstDiagonal:
    """Points that lie on the diagonal where two figures agree.

    Attributes:
        name: Name of the picture's file, without suffix.
        alt: Description for those who do not see it.
        x_label: Words at the horizontal axis; both go from 0 to 1.
        y_label: Words at the vertical axis.
        points: Of each point both figures.
        weights: Of each point its share of the rows, which its size shows.
    """

    name: str
    alt: str
    x_label: str
    y_label: str
    points: Sequence[tuple[float, float]]
    weights: Sequence[float]


@dataclass(frozen=True)
class Bars:
    """A bar for each name, and a second one beside it where there is another series.

    Attributes:
        name: Name of the picture's file, without suffix.
        alt: Description for those who do not see it.
        x_label: Words at the axis of the lengths.
        labels: Names, the longest bar first.
        series: Lengths by the series' name, in the order of the names.
    """

    name: str
    alt: str
    x_label: str
    labels: Sequence[str]
    series: dict[str, Sequence[float]]


Chart = AgainstDiagonal | Bars
Draw = Callable[[Chart], bytes]
"""Draws a chart as SVG; the same chart gives the same bytes."""
