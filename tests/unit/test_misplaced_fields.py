"""A field that stands in the wrong section is told where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from slipway.spec import ModelSpec
from slipway.spec.loading import load_all
from slipway.spec.pydantic_errors import place_of
from tests.support.small_specs import FILES
from tests.support.spec_edits import MODEL_FILE, more

Make = Callable[[Mapping[str, str]], Path]


@pytest.mark.parametrize(
    ("text", "section"),
    [
        ("fairness: {columns: [kind]}\n", "gates"),
        ("slices: {columns: [kind]}\n", "gates"),
        ("dry_run: true\n", "gates"),
        ("decision: {false_positive: 1, false_negative: 5}\n", "training"),
        ("holdout_days: 30\n", "training"),
        ("trials: 30\n", "search"),
        ("cooldown_days: 3\n", "retraining"),
        ("label_horizon_days: 3\n", "monitoring"),
    ],
)
def test_a_field_on_top_is_told_its_section(project: Make, text: str, section: str) -> None:
    """In place of one that is spelt alike."""
    [found] = load_all(project({**FILES, **more(text)})).problems
    name = text.partition(":")[0]
    assert str(found).startswith(f"{MODEL_FILE}:15: {name}: unknown field; allowed: ")
    assert found.hint == f"it belongs to `{section}`: write it there, a level further in"
    assert found.nearest is None


def test_a_name_of_no_section_or_of_several_is_not_placed() -> None:
    """`max_loss` is a field of slices, anchor and robustness."""
    assert place_of("featres", ModelSpec) is None
    assert place_of("max_loss", ModelSpec) is None


def test_sanity_may_be_true_as_it_may_be_false(project: Make) -> None:
    """Which is what it is without a word."""
    on = {
        name: text.replace("gates:\n", "gates:\n  sanity: true\n") for name, text in FILES.items()
    }
    loaded = load_all(project(on))
    assert not loaded.problems
    assert loaded.models["sales"].gates.sanity.duplicates == 0.3
