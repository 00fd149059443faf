"""Section of a model card about limits: warnings that were recorded, and what was not measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from slipway.records.verdicts import Number
from slipway.spec.holdout import RANDOM_WARNING
from slipway.stages.card.metrics import measured_numbers
from slipway.stages.card.words import NOT_MEASURED
from slipway.stages.model.shipped import RANDOM_HOLDOUT, as_judged
from slipway.stages.report.blocks import Section
from slipway.stages.report.version_case import VersionCase

ASPECTS: Mapping[str, tuple[str, ...]] = {
    "Slices of the rows": ("slice",),
    "Fairness between groups": ("fairness",),
    "Calibration of the scores": (
        "challenger.expected_calibration_error",
        "challenger.brier_score",
    ),
    "Robustness against noise, missing and extreme values": ("robust",),
    "Explanations of predictions": ("explanations",),
    "Tests of single answers": ("behaviour",),
}
"""What a card says of each model, by how the names of its numbers begin."""

_WARNING = re.compile(r"Warning: (.+?)(?=(?:\. |\.?$| Warning: ))")


def limit_sections(case: VersionCase) -> Iterator[Section]:
    """Yield the section about limits."""
    yield Section("Limits", list(_limits(case)))


def _limits(case: VersionCase) -> Iterator[str]:
    is_random = RANDOM_HOLDOUT in as_judged(case.manifest) or (
        case.specs is not None and case.specs.model.training.split == "random"
    )
    if is_random:
        yield f"{RANDOM_WARNING[0].upper()}{RANDOM_WARNING[1:]}."
    for warning in _WARNING.findall(case.verdict("train").reason):
        # Earlier trainings have it in their verdicts, too.
        if warning != RANDOM_WARNING:
            yield f"Warning of the training: {warning}."
    numbers = measured_numbers(case)
    for aspect, prefixes in ASPECTS.items():
        if not _has(numbers, prefixes):
            yield f"{aspect}: {NOT_MEASURED}."
    if not any(record.ref.stage == "performance" for record in case.later):
        yield f"Performance on predictions in use: {NOT_MEASURED} when this card was made."


def _has(numbers: Mapping[str, Number], prefixes: tuple[str, ...]) -> bool:
    return any(name.startswith(prefixes) and numbers[name] is not None for name in numbers)
