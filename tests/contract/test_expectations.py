"""Expectations: Great Expectations and the fake agree, and nothing leaves the machine."""

from __future__ import annotations

import json
import socket
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from slipway.adapters.expectations.mistakes import check_expectations
from slipway.adapters.expectations.suites import ExpectationSuites
from slipway.errors import SpecError
from slipway.spec import Expectation
from slipway.values.value_types import ColumnType
from tests.fakes.plain_suites import BETWEEN, IN_SET, MEAN, NOT_NULL, ROW_COUNT, PlainSuites

Suites = ExpectationSuites | PlainSuites


@pytest.fixture(params=[ExpectationSuites, PlainSuites])
def suites(request: pytest.FixtureRequest) -> Suites:
    """Each implementation of expectations in turn."""
    made: Suites = request.param()
    return made


def _rows() -> pd.DataFrame:
    """Four rows whose index labels are not their positions."""
    return pd.DataFrame(
        {
            "miles": [10.0, None, 700.0, 30000.0],
            "late": pd.array([0, 1, None, 7], "Int64"),
            "origin": pd.array(["EWR", "JFK", None, "XXX"], dtype="str"),
            "at": pd.to_datetime(
                ["2013-01-01", "2013-06-01", "2013-12-31", "2099-01-01"], utc=True
            ),
        },
        index=[3, 5, 8, 13],
    )


def _expect(name: str, /, *, severity: str = "critical", **kwargs: object) -> Expectation:
    return Expectation.model_validate({"expect": name, "severity": severity, "kwargs": kwargs})


@pytest.mark.parametrize(
    ("expectation", "broken"),
    [
        (_expect(BETWEEN, column="miles", min_value=50, max_value=12500), (3, 13)),
        (_expect(BETWEEN, column="late", max_value=1), (13,)),
        (_expect(BETWEEN, column="at", max_value="2014-01-01T00:00:00Z"), (13,)),
        (_expect(IN_SET, column="origin", value_set=["EWR", "JFK"]), (13,)),
        (_expect(IN_SET, column="late", value_set=[0, 1]), (13,)),
        (_expect(NOT_NULL, column="miles"), (5,)),
    ],
    ids=["numbers", "integers", "moments", "words", "integers-in-set", "nulls"],
)
def test_a_row_level_expectation_names_each_row_that_breaks_it(
    suites: Suites, expectation: Expectation, broken: tuple[int, ...]
) -> None:
    """Rows are named by index label; a missing value breaks only a not-null expectation."""
    assert suites.scope(expectation).by_row
    (outcome,) = suites.validate([_rows()], [expectation])
    assert outcome.rows == broken
    assert not outcome.success


@pytest.mark.parametrize(
    ("expectation", "broken"),
    [
        (_expect(BETWEEN, column="at", min_value="2013-06-01"), (3,)),
        (_expect(BETWEEN, column="at", max_value=date(2013, 6, 1)), (8, 13)),
        (_expect(IN_SET, column="at", value_set=["2013-01-01", "2099-01-01 00:00"]), (5, 8)),
        (_expect(IN_SET, column="late", value_set=["0", "7"]), (5,)),
        (_expect(IN_SET, column="origin", value_set=["JFK", "XXX"]), (3,)),
        (_expect(BETWEEN, column="miles", max_value="1e3"), (13,)),
    ],
    ids=["day", "date", "moments-in-set", "integers-in-set", "words-in-set", "number"],
)
def test_values_in_arguments_are_of_the_column_type(
    suites: Suites, expectation: Expectation, broken: tuple[int, ...]
) -> None:
    """Texts of a spec are cast as texts of a delivery are."""
    types: dict[str, ColumnType] = {"miles": "number", "late": "integer"}
    cast = expectation.cast_to({**types, "origin": "string", "at": "timestamp"})
    (outcome,) = suites.validate([_rows()], [cast])
    assert outcome.rows == broken


def test_mostly_forgives_a_few_rows(suites: Suites) -> None:
    """An expectation that tolerates a share succeeds, and still names the rows."""
    (outcome,) = suites.validate([_rows()], [_expect(NOT_NULL, column="miles", mostly=0.7)])
    assert outcome.success
    assert outcome.rows == (5,)


def test_a_batch_level_expectation_says_what_was_observed(suites: Suites) -> None:
    """The outcome has the observed value and names no rows."""
    expectations = [
        _expect(ROW_COUNT, min_value=5),
        _expect(MEAN, column="miles", max_value=20000, severity="warning"),
    ]
    assert not any(suites.scope(one).by_row for one in expectations)
    count, mean = suites.validate([_rows()], expectations)
    assert (count.success, count.rows, count.observed) == (False, None, 4.0)
    assert (mean.success, mean.rows, mean.severity) == (True, None, "warning")
    assert mean.observed == pytest.approx(10236.6667)


def test_outcomes_come_in_the_order_of_the_expectations(suites: Suites) -> None:
    """The order does not depend on the tool's grouping."""
    expectations = [
        _expect(NOT_NULL, column="origin"),
        _expect(BETWEEN, column="miles", min_value=0),
        _expect(ROW_COUNT, min_value=1),
        _expect(NOT_NULL, column="late"),
        _expect(BETWEEN, column="late", min_value=0),
    ]
    outcomes = suites.validate([_rows()], expectations)
    assert [(one.expectation, one.columns) for one in outcomes] == [
        (one.expect, tuple(one.kwargs[name] for name in ["column"] if name in one.kwargs))
        for one in expectations
    ]


def test_no_expectations_need_no_evaluation(suites: Suites) -> None:
    """An empty suite has no outcomes."""
    assert suites.validate([_rows()], []) == []


def test_an_unknown_expectation_is_a_spec_error(suites: Suites) -> None:
    """Both raise before anything is evaluated."""
    with pytest.raises(SpecError):
        suites.scope(_expect("expect_nothing"))


def test_quantiles_are_plain_truth_values() -> None:
    """Great Expectations returns a numpy.bool here; an outcome is plain JSON."""
    ranges = {"quantiles": [0.5], "value_ranges": [[0, 1000]]}
    expectation = _expect(
        "expect_column_quantile_values_to_be_between", column="miles", quantile_ranges=ranges
    )
    (outcome,) = ExpectationSuites().validate([_rows()], [expectation])
    assert outcome.success is True
    assert json.loads(json.dumps(outcome.to_json()))["unexpected_rows"] is None


def test_pairs_of_columns_are_judged_by_row() -> None:
    """Row level follows from Great Expectations' own classes."""
    expectation = _expect(
        "expect_column_pair_values_to_be_equal", column_A="miles", column_B="miles"
    )
    assert ExpectationSuites().scope(expectation).by_row
    (outcome,) = ExpectationSuites().validate([_rows()], [expectation])
    assert outcome.columns == ("miles", "miles")
    assert outcome.success


def test_what_cannot_be_computed_is_a_spec_error() -> None:
    """A number cannot be compared with text, so there is no outcome."""
    with pytest.raises(SpecError, match="cannot be computed") as error:
        ExpectationSuites().validate([_rows()], [_expect(BETWEEN, column="origin", min_value=1)])
    assert error.value.where == "origin"


@pytest.mark.parametrize(
    ("expectation", "argument", "nearest"),
    [
        (_expect("expect_column_values_to_be_betwen", column="miles"), "", BETWEEN),
        (_expect("expect_query_results_to_match_comparison"), "", None),
        (_expect(BETWEEN, column="miles", min_valu=1), "min_valu", "min_value"),
        (_expect(BETWEEN, column="miles", min_value="far"), "min_value", None),
        (_expect(BETWEEN, min_value=1), "column", None),
        (_expect(BETWEEN, column="miles"), "", None),
        (_expect(NOT_NULL, column="miles", mostly=3), "mostly", None),
        (_expect(NOT_NULL, column="miles", severity_="x"), "severity_", None),
    ],
    ids=["name", "database", "argument", "value", "column", "bounds", "mostly", "extra"],
)
def test_a_mistake_is_named_with_the_nearest_spelling(
    expectation: Expectation, argument: str, nearest: str | None
) -> None:
    """The error has its index, its argument, and the nearest name."""
    fine = _expect(NOT_NULL, column="miles")
    first, *_ = check_expectations([fine, expectation])
    assert (first.position, first.argument) == (1, argument)
    if nearest is not None:
        assert first.nearest == nearest
        assert f"did you mean {nearest!r}?" in str(first)
    with pytest.raises(SpecError, match="an expectation is invalid"):
        ExpectationSuites().validate([_rows()], [expectation])


def test_nothing_is_sent_stored_or_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No connection, no file in the working folder, no progress bar."""

    def refuse(*_: object) -> None:
        pytest.fail("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(tmp_path)
    ExpectationSuites().validate([_rows()], [_expect(NOT_NULL, column="miles")])
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
