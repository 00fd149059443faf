"""A field that takes one form or another is told once, by the form that was meant."""

from __future__ import annotations

import re

import pytest

from slipway.spec.loading import load_all
from tests.support.command_line import Make
from tests.support.spec_edits import broken_model

SLICES = "    roc_auc: {}\n  slices: {named: {far: {kind: %s}}}"
FAIRNESS = "    roc_auc: {}\n  fairness: {columns: [kind], metrics: {}, intersections: %s}"


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (SLICES % "{min: 20, max: 5}", "gates.slices.named.far.kind.min: `min` is below `max`"),
        (SLICES % "{mn: 20}", "gates.slices.named.far.kind.mn: unknown field"),
        (
            SLICES % "[1, {}]",
            "gates.slices.named.far.kind.1: given {}; expected text or a whole number or true",
        ),
        (SLICES % "1.5", "kind: given 1.5; expected text or a whole number or true or false or a"),
        (
            FAIRNESS % "maybe",
            "gates.fairness.intersections: given 'maybe'; expected true or false or a list",
        ),
        (FAIRNESS % "[[kind, 3]]", "gates.fairness.intersections.0.1: given 3; expected text"),
    ],
)
def test_the_form_that_was_meant_is_told_once(part: str, told: str, project: Make) -> None:
    """Not one error for each form, under the name of a type."""
    found = [
        str(one)
        for one in load_all(project(broken_model("    roc_auc: {threshold: 0.6}", part))).problems
    ]
    about = [one for one in found if "kind" in one or "intersections" in one]
    assert len(about) == 1, found
    assert told in about[0]
    assert not re.search(r"function-|list\[", about[0])
