"""The holdout of a training: fields that fit its split, and what a random one cannot show."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from slipway.spec.model import ModelSpec
from slipway.spec.problem_at import problem_at
from slipway.spec.problems import Problem
from slipway.spec.yaml_reader import Document

RANDOM_WARNING = (
    "a random holdout cannot show how a model does on rows that are newer than those it learnt "
    "from, nor on groups that it never saw, since related rows are on both sides: its metrics are "
    "mostly better than those in use"
)


RANDOM_IN_SHORT = "which shows neither newer rows nor groups that it never saw"
"""The same in a clause, for a verdict."""


def holdout_problems(
    spec: ModelSpec, document: Document, *, own: Collection[str]
) -> Iterator[Problem]:
    """Yield the problems of a training's holdout.

    Args:
        spec: Spec of the model.
        document: Its `model.yaml`.
        own: Functions of its `pipeline.py`.
    """
    training = spec.training
    is_random = training.split == "random"
    unused, used = ("holdout_days", "holdout_share")[:: 1 if is_random else -1]
    if unused in training.model_fields_set:
        other = "time" if is_random else "random"
        summary = f"has no effect: the split is {'random' if is_random else 'by time'}"
        hint = f"set `{used}` instead, or `training.split: {other}`"
        yield problem_at(document, ("training", unused), summary, hint=hint)
    if training.calibration is not None:
        other, fitting = ("days", "share")[:: 1 if is_random else -1]
        if other in training.calibration.model_fields_set:
            summary = f"has no effect: the split is {'random' if is_random else 'by time'}"
            where = ("training", "calibration", other)
            yield problem_at(document, where, summary, hint=f"set `{fitting}` instead")
    if is_random and "split" in own:
        summary = "`pipeline.py` has a `split`, at which the holdout begins, and this one is random"
        hint = "remove one of the two"
        yield problem_at(document, ("training", "split"), summary, hint=hint)


def holdout_warnings(spec: ModelSpec) -> Iterator[str]:
    """Yield what a person should know of a valid model's holdout, with its field."""
    if spec.training.split == "random":
        yield f"training.split: {RANDOM_WARNING}"
