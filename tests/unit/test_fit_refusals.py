"""What stops a fit: constraints, errors of the estimator and of `pipeline.py`, memory."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.adapters.model_package.error_reasons import MASK, reason_of
from slipway.errors import OutOfMemory, SpecError
from tests.support import packages
from tests.support.small_fits import HIST, XGB, delays, learn


def test_constraints_of_the_wrong_length_are_refused_before_the_fit() -> None:
    """The number of prepared features is known once the categories are."""
    for estimator, param in ((HIST, "monotonic_cst"), (XGB, "monotone_constraints")):
        with pytest.raises(SpecError, match=f"{param} of") as caught:
            learn(estimator, delays(), **{param: [1, 0, 0]})
        assert (caught.value.expected or "").startswith("8 signs")
        assert caught.value.found == "3 signs"


def test_a_list_of_constraints_is_taken_by_every_estimator() -> None:
    """A spec has lists, and XGBoost wants tuples."""
    for estimator, param in ((HIST, "monotonic_cst"), (XGB, "monotone_constraints")):
        learn(estimator, delays(), **{param: [1, *[0] * 7]})


@pytest.mark.parametrize(
    ("estimator", "params", "reason"),
    [
        (XGB, {"max_depth": "deep"}, "XGBoostError: Invalid Parameter format for max_depth"),
        (XGB, {"tree_method": "fast"}, "'fast'"),
        (
            HIST,
            {"max_bins": 1},
            "The 'max_bins' parameter of HistGradientBoostingRegressor must be",
        ),
        (HIST, {"loss": "quantile"}, "quantile"),
        (XGB, {"objective": "reg:quantileerror"}, "XGBoostError: Check failed: !quantile_alpha"),
        ("sklearn.linear_model.Ridge", {"alpha": -1.0}, "Got -1.0 instead"),
    ],
)
def test_any_other_error_has_the_reason_of_the_estimator(
    estimator: str, params: dict[str, Any], reason: str
) -> None:
    """Names and values of the spec stay readable; paths and stacks of a library are left out."""
    with pytest.raises(SpecError, match="cannot learn delay") as caught:
        learn(estimator, delays(), **params)
    assert reason in (caught.value.found or "")
    assert "Stack trace" not in (caught.value.found or "")
    assert caught.value.where == "model.yaml of delay: estimator.params"


def test_an_error_of_pipeline_py_is_told_apart() -> None:
    """Any class of error: a bare one never reaches the task."""
    source = "def features(frame):\n    return frame.assign(double=frame['wnid'])\n"
    with pytest.raises(SpecError, match="features of delay cannot be prepared") as caught:
        learn(XGB, delays(), source)
    assert (caught.value.found or "").startswith("KeyError")
    assert caught.value.where == "pipeline.py of delay"


def test_a_lack_of_memory_is_no_mistake_of_the_spec() -> None:
    """It has a hint of its own."""
    source = "def features(frame):\n    raise MemoryError\n"
    with pytest.raises(OutOfMemory, match="cannot be prepared"):
        learn(XGB, delays(), source)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("could not convert string to float: 'Oban'", f"could not convert string to float: {MASK}"),
        ("port Mallaig is unknown", f"port {MASK} is unknown"),
        ("found -12.75 and 1e39 at 17", f"found {MASK} and {MASK} at {MASK}"),
        ("found 3 features and 400 samples", "found 3 features and 400 samples"),
        ("'max_depth' should be 'deep'", "'max_depth' should be 'deep'"),
        ("[19:12:44] /w/src/obj.cu:83: bad label.\nStack trace:\n  [bt] (0) /a.so", "bad label."),
        ("[1:2] /w/src/obj.cu:83: Check failed: is_valid: bad score", "bad score"),
        ("[1:2] /w/src/obj.cu:83: Check failed: a::b() == c", "Check failed: a::b() == c"),
        ("x" * 1000, "x" * 400 + f" {MASK}"),
    ],
)
def test_a_reason_has_no_value_of_the_data(text: str, shown: str) -> None:
    """Numbers and quoted texts are masked, unless the spec has them or they count rows."""
    rows = packages.rows()
    known = ({"max_depth": "deep"}, 3, len(rows))
    assert reason_of(ValueError(text), known=known, rows=rows) == f"ValueError: {shown}"
