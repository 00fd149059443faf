"""The gates beside the metrics, one file and one row each."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.records.verdicts import Number
from slipway.stages.train.gate_checks.anchor import AnchorCheck
from slipway.stages.train.gate_checks.behaviour import BehaviourCheck
from slipway.stages.train.gate_checks.check import GateCheck
from slipway.stages.train.gate_checks.duplicates import DuplicatesCheck
from slipway.stages.train.gate_checks.explanations import ExplanationCheck
from slipway.stages.train.gate_checks.fairness import FairnessCheck
from slipway.stages.train.gate_checks.renamed_label import RenamedLabelCheck
from slipway.stages.train.gate_checks.robustness import RobustnessCheck
from slipway.stages.train.gate_checks.single_feature import SingleFeatureCheck
from slipway.stages.train.gate_checks.slices import SliceCheck
from slipway.stages.train.gate_checks.split_rows import SplitCheck

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
