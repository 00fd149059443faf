"""Stages of a training, between the accepted request and its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.stages.model.shipped import REFIT

if TYPE_CHECKING:
    from slipway.spec import ModelSpec

STAGES = ("snapshot", "train", "evaluate", "gate", REFIT, "promote_challenger")
"""All of them, in order."""

SEARCH = "search"
"""Stage that several pods share, between the snapshot and the training."""


def training_stages(spec: ModelSpec) -> tuple[str, ...]:
    """Return the stages that a model's trainings have, in order."""
    return tuple(one for one in STAGES if one != REFIT or spec.training.ship == "refit")


def parallel_pods(spec: ModelSpec) -> int:
    """Return how many pods share the search of each training; 1: the training searches itself."""
    return 1 if spec.searching is None else spec.searching.parallel_pods
