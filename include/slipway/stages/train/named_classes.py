"""Require that classes which a spec names are classes of the labels, before a fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slipway.errors import SpecError
from slipway.spec import ModelSpec
from slipway.spec.behaviour_problems import behaviour_classes
from slipway.spec.labels import Label, spelled
from slipway.spec.pydantic_errors import dotted
from slipway.stages.model.label_classes import LabelClasses


def require_named_classes(
    spec: ModelSpec, classes: Sequence[Label] | None, labels: LabelClasses
) -> None:
    """Raise where class weights or tests of behaviour name a class that no label is of.

    Args:
        spec: Model.
        classes: Classes that the model learns; None of a regression.
        labels: The same in words, without texts that no spec declares.

    Raises:
        SpecError: One of them is no class.
    """
    if classes is None:
        return
    known = {spelled(one) for one in classes}
    for field, label in _named(spec):
        if label not in known:
            raise SpecError(
                f"{spec.model} names a class that its target does not have",
                expected=f"one of {labels}",
                found=label,
                where=f"model.yaml of {spec.model}: {field}",
            )


def _named(spec: ModelSpec) -> Iterator[tuple[str, str]]:
    weights, behaviour = spec.training.class_weights, spec.gates.behaviour
    if isinstance(weights, dict):
        yield from (("training.class_weights", name) for name in weights)
    for where, label in () if behaviour is None else behaviour_classes(behaviour):
        if label is not None:
            yield dotted(where), spelled(label)
