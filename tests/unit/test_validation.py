"""Validation: every row is published or quarantined with reasons; a batch may be blocked."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import BadBatch
from slipway.spec import DatasetSpec
from slipway.stages.ports.delivery_source import BrokenLine
from tests.fakes.frame_delivery import FrameDelivery
from tests.fakes.plain_suites import BETWEEN, MEAN, NOT_NULL, ROW_COUNT, PlainSuites
from tests.support.validated import Validated, validate


def _spec(*expectations: dict[str, Any], share: float = 0.5, **columns: Any) -> DatasetSpec:
    features = {
        "id": {"type": "string"},
        "at": {"type": "timestamp"},
        "miles": {"type": "number", "nullable": False},
        "seats": {"type": "integer"},
    }
    labels = {"id": {"type": "string"}, "late": {"type": "integer"}}
    return DatasetSpec.model_validate(
        {
            "dataset": "flights",
            "key": "id",
            "event_time": "at",
            "streams": {
                "features": {"columns": features | columns, "quarantine_max_share": share},
                "labels": {"columns": labels},
            },
            "expectations": {"features": list(expectations)},
        }
    )


def _delivery(rows: int = 4, **columns: list[Any]) -> pd.DataFrame:
    good = {
        "id": [f"f{row}" for row in range(rows)],
        "at": [f"2013-01-01T{row:02d}:00:00Z" for row in range(rows)],
        "miles": [str(100 * row) for row in range(rows)],
        "seats": ["150"] * rows,
    }
    return pd.DataFrame({**good, **columns}, dtype="str")


def _examine(
    delivered: pd.DataFrame, spec: DatasetSpec, broken: tuple[BrokenLine, ...] = ()
) -> Validated:
    return validate(FrameDelivery(delivered, broken), spec, suites=PlainSuites())


def test_good_rows_are_kept_as_declared() -> None:
    """All rows without a reason."""
    seen = _examine(_delivery(), _spec())
    assert list(seen.good["miles"]) == [0.0, 100.0, 200.0, 300.0]
    assert (seen.reasons, seen.blocks, seen.warnings) == ({}, (), ())


def test_every_reason_of_a_bad_row_is_told() -> None:
    """Reasons are joined, and have no value."""
    bound = {"expect": BETWEEN, "kwargs": {"column": "seats", "max_value": 900}}
    seen = _examine(
        _delivery(miles=["far", "1", "2", "3"], seats=["5000", "1", "1", "1"]), _spec(bound)
    )
    assert seen.reasons == {0: f"miles is no number; seats fails {BETWEEN} (at most 900)"}
    assert list(seen.good["id"]) == ["f1", "f2", "f3"]


@pytest.mark.parametrize(
    ("columns", "reasons"),
    [
        ({"miles": ["1", None, "3", "4"]}, {1: "miles is missing"}),
        ({"seats": ["1", None, "3", "4"]}, {}),
        ({"id": ["a", "b", None, "d"]}, {2: "id is missing"}),
        ({"at": ["2013-01-01", "2013-01-02", "2013-01-03", ""]}, {3: "at is missing"}),
        (
            {"id": ["a", "b", "a", "d"]},
            {0: "id is repeated in this batch", 2: "id is repeated in this batch"},
        ),
        ({"seats": ["1", "2", "3", "4.5"]}, {3: "seats has a fraction part, so it is no integer"}),
    ],
    ids=["required", "nullable", "key", "event-time", "repeated", "cast"],
)
def test_a_row_that_lacks_or_repeats_what_places_it_is_bad(
    columns: dict[str, list[Any]], reasons: dict[int, str]
) -> None:
    """Key and event time are required whatever the spec; a repeated key makes each row bad."""
    assert _examine(_delivery(**columns), _spec()).reasons == reasons


def test_a_missing_column_blocks_the_batch() -> None:
    """The message has the missing and the expected columns."""
    with pytest.raises(BadBatch, match="lacks the column miles") as error:
        _examine(_delivery().drop(columns="miles"), _spec())
    assert error.value.expected == "the column miles in the header"


def test_an_extra_column_is_left_out_and_named() -> None:
    """The batch is ingested all the same."""
    seen = _examine(_delivery(gate=["A1"] * 4), _spec())
    assert seen.warnings == ("left out what the spec does not declare: gate",)
    assert "gate" not in seen.good
    assert seen.blocks == ()


def test_a_column_without_any_value_is_a_warning() -> None:
    """A nullable feature may be missing everywhere, with a warning."""
    seen = _examine(_delivery(seats=[None] * 4), _spec())
    assert seen.warnings == ("column seats holds no value at all",)
    assert len(seen.good) == 4


def test_an_unseen_category_is_no_fault() -> None:
    """Any text is valid."""
    seen = _examine(_delivery(pier=["new"] * 4), _spec(pier={"type": "string"}))
    assert seen.reasons == {}
    assert seen.warnings == ()


def test_too_many_bad_rows_block_the_batch() -> None:
    """A share equal to the limit is allowed."""
    half_bad = _delivery(miles=["x", "x", "1", "1"])
    assert _examine(half_bad, _spec(share=0.5)).blocks == ()
    (reason,) = _examine(half_bad, _spec(share=0.49)).blocks
    assert reason == (
        "2 of 4 rows are bad, more than the allowed 49.0%: miles is no number in 2 rows (such as a)"
    )


def test_a_batch_without_a_good_row_is_blocked() -> None:
    """Even where every row may be bad."""
    (reason,) = _examine(_delivery(miles=["x"] * 4), _spec(share=1.0)).blocks
    assert reason == "no row is good: miles is no number in 4 rows (such as a)"


def test_a_critical_expectation_about_the_batch_blocks_it() -> None:
    """It is evaluated on the rows that would be published."""
    mean = {"expect": MEAN, "kwargs": {"column": "miles", "max_value": 250}}
    rows = {"expect": ROW_COUNT, "kwargs": {"min_value": 4}}
    delivered = _delivery(miles=["1", "2", "3", "99999"])
    bound = {"expect": BETWEEN, "kwargs": {"column": "miles", "max_value": 12500}}
    seen = _examine(delivered, _spec(bound, mean, rows))
    assert seen.reasons == {3: f"miles fails {BETWEEN} (at most 12500)"}
    assert seen.blocks == (f"{ROW_COUNT} (at least 4; observed 3) failed",)


def test_a_warning_is_recorded_and_nothing_else() -> None:
    """Of rows and of batches."""
    warnings = [
        {"expect": NOT_NULL, "severity": "warning", "kwargs": {"column": "seats"}},
        {"expect": ROW_COUNT, "severity": "warning", "kwargs": {"min_value": 10}},
    ]
    seen = _examine(_delivery(seats=["1", None, None, "1"]), _spec(*warnings))
    assert seen.warnings == (
        f"{NOT_NULL} of seats (2 rows) failed",
        f"{ROW_COUNT} (at least 10; observed 4) failed",
    )
    assert (len(seen.good), seen.blocks) == (4, ())


CELL = st.sampled_from(["1", "2", "x", "", None])


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", "d", "", None]), CELL), min_size=1))
def test_each_row_is_either_good_or_has_a_reason(
    cells: list[tuple[str | None, str | None]],
) -> None:
    """No row is lost or in both."""
    rows = len(cells)
    delivered = _delivery(
        rows,
        id=[key for key, _ in cells],
        at=["2013-01-01"] * rows,
        miles=[miles for _, miles in cells],
    )
    seen = _examine(delivered, _spec())
    assert sorted([*seen.good.index, *seen.reasons]) == list(range(rows))
    assert seen.good["id"].is_unique
    assert all(seen.reasons.values())


def test_a_broken_line_is_one_bad_row() -> None:
    """It has its number and its reason, and does not block the others."""
    broken = BrokenLine(6, "has 5 values where the header has 4", "f9,x,y,z,w")
    seen = _examine(_delivery(), _spec(), (broken,))
    assert len(seen.good) == 4
    assert seen.counted == ("the line has 5 values where the header has 4 in 1 row",)
    assert seen.blocks == ()


def test_the_commonest_reasons_are_named() -> None:
    """With column, count, the shape of an example and what would accept it; never the value."""
    delivered = _delivery(
        6, miles=["1,5", "2,5", "3,5", "?", "?", "12 mi"], seats=["7"] * 5 + ["true"]
    )
    (reason,) = _examine(delivered, _spec()).blocks
    assert reason == (
        "6 of 6 rows are bad, more than the allowed 50.0%: "
        "miles has a comma where a decimal point is expected in 3 rows (such as 9,9); "
        'hint: set `csv: {decimal: ","}` (and `csv.thousands`) in dataset.yaml; '
        "miles looks like a mark for a missing value in 2 rows (such as ?); "
        "hint: list the marks of missing values in `csv.missing` of dataset.yaml; "
        "miles is no number in 1 row (such as 99 aa); "
        "hint: deliver the number alone, or name what stands beside it in the column's `unit`"
    )


def test_an_implausible_event_time_is_a_bad_row() -> None:
    """One absurd date never moves the event clock."""
    delivered = _delivery(at=["2013-01-01", "2013-01-02", "2013-01-03", "9999-12-31"])
    seen = _examine(delivered, _spec())
    assert list(seen.reasons) == [3]
    assert "after the newest plausible event time" in seen.reasons[3]
