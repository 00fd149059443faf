"""The gates beside the metrics, one file and one row each."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.records.verdicts import Number
from slipway.stages.gates.check import GateCheck
from slipway.stages.gates.checks.anchor import AnchorCheck
from slipway.stages.gates.checks.behaviour import BehaviourCheck
from slipway.stages.gates.checks.duplicates import DuplicatesCheck
from slipway.stages.gates.checks.explanations import ExplanationCheck
from slipway.stages.gates.checks.fairness import FairnessCheck
from slipway.stages.gates.checks.renamed_label import RenamedLabelCheck
from slipway.stages.gates.checks.robustness import RobustnessCheck
from slipway.stages.gates.checks.single_feature import SingleFeatureCheck
from slipway.stages.gates.checks.slices import SliceCheck
from slipway.stages.gates.checks.split_rows import SplitCheck

CHECKS: tuple[GateCheck, ...] = (
    SplitCheck(),
    RenamedLabelCheck(),
    SingleFeatureCheck(),
    DuplicatesCheck(),
    SliceCheck(),
    AnchorCheck(),
    FairnessCheck(),
    ExplanationCheck(),
    RobustnessCheck(),
    BehaviourCheck(),
)
"""In the order in which they are measured, and in which verdicts name them."""


def checked_numbers(numbers: Mapping[str, Number]) -> dict[str, Number]:
    """Return the numbers of all such gates."""
    prefixes = tuple(check.prefix for check in CHECKS)
    return {name: value for name, value in numbers.items() if name.partition(".")[0] in prefixes}
