"""Choose the estimator of a plan: boosted trees, more and deeper ones for more rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.spec.encodings import Encoding

LEARNING_RATE = 0.1
_SMALL, _MIDDLE = 1000, 20_000


@dataclass(frozen=True)
class Trees:
    """Size of an estimator of XGBoost.

    Attributes:
        count: Number of trees.
        depth: Of each.
    """

    count: int
    depth: int


@dataclass(frozen=True)
class Recipe:
    """How a written model learns, so that a quick one can learn alike.

    Attributes:
        trees: Size of its estimator.
        seed: Of its random choices.
        encodings: Of its columns of categories, by name; the others are numbers.
    """

    trees: Trees
    seed: int
    encodings: Mapping[str, Encoding] = field(default_factory=dict)


def choose_trees(rows: int) -> Trees:
    """Return the size of the estimator for a file's rows."""
    if rows < _SMALL:
        return Trees(100, 3)
    return Trees(200, 4) if rows < _MIDDLE else Trees(300, 6)
