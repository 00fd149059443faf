"""`slipway new` says which quarters and weeks it found, and could make no event time of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.new_specs import binary, csv_file, planned

ROWS = 400
AT = np.arange(ROWS)


def told(columns: dict[str, Any], folder: Path) -> tuple[tuple[str, ...], list[str]]:
    """Columns of the event time, and what was said of quarters and weeks."""
    frame = pd.concat([pd.DataFrame(columns), binary(ROWS)], axis=1)
    plan = planned(csv_file(frame, folder / "houses.csv"), target="sold")
    return plan.time.columns, [one for one in plan.doubts if "event_time` takes no" in one]


@pytest.mark.parametrize("spelled", [int, float, "Q{}".format])
@pytest.mark.parametrize("name", ["quarter", "Quartal", "qtr"])
def test_a_quarter_beside_a_year_is_named(
    name: str, spelled: Callable[[Any], Any], tmp_path: Path
) -> None:
    """Whatever form it has; the year alone is the event time."""
    quarters = [spelled(one) for one in AT // 5 % 4 + 1]
    columns, (said,) = told({"year": 1990 + AT // 20, name: quarters}, tmp_path)
    assert columns == ("year",)
    assert said == (
        f"{name} has a quarter, and year the year, and `event_time` takes no quarter, so the event "
        "time is year alone: a column with the first day of each quarter would tell more"
    )


@pytest.mark.parametrize("name", ["week", "KW", "week_of_year", "ISO week"])
def test_a_week_beside_a_year_is_named(name: str, tmp_path: Path) -> None:
    """Under its names in other languages, too."""
    _, (said,) = told({"Jahr": 1990 + AT // 52, name: AT % 52 + 1}, tmp_path)
    assert said.startswith(f"{name} has a week, and Jahr the year, and `event_time` takes no week")


@pytest.mark.parametrize(
    ("form", "span"),
    [
        ("{0}-W{2:02}", "week"),
        ("KW{2}/{0}", "week"),
        ("{0}Q{1}", "quarter"),
        ("Q{1} {0}", "quarter"),
    ],
)
def test_a_text_of_both_is_named(form: str, span: str, tmp_path: Path) -> None:
    """Such as 2013-W05; without another time the rows have none."""
    texts = [form.format(1990 + at // 52, at % 52 // 13 + 1, at % 52 + 1) for at in AT]
    columns, (said,) = told({"period": texts}, tmp_path)
    assert columns == ()
    assert said == (
        f"period has a {span}, and `event_time` takes no {span}, so the rows have no event time: a "
        f"column with the first day of each {span} would be one"
    )


def test_nothing_is_said_where_a_finer_time_is_found(tmp_path: Path) -> None:
    """Nor of a week without a year, nor of a number that is beyond a year's weeks."""
    days = pd.date_range("2013-01-01", periods=ROWS, freq="D")
    finer = {"date": days, "year": days.year, "quarter": days.quarter}
    assert told(finer, tmp_path) == (("date",), [])
    assert told({"week": AT % 52 + 1}, tmp_path)[1] == []
    assert told({"year": 1990 + AT // 20, "week": AT % 90 + 1}, tmp_path)[1] == []


def test_a_year_that_is_not_taken_is_named(tmp_path: Path) -> None:
    """One that neither orders the rows nor tells things apart, and says nothing but year."""
    years = np.random.default_rng(3).integers(1950, 2006, ROWS)
    for name, is_named in (("year", True), ("year_built", False)):
        frame = pd.concat([pd.DataFrame({name: years}), binary(ROWS)], axis=1)
        plan = planned(csv_file(frame, tmp_path / f"{name}.csv"), target="sold")
        assert plan.time.columns == ()
        said = [one for one in plan.doubts if f"{name} may be the time of a row" in one]
        assert bool(said) == is_named
        assert all(
            f"with `--event-time {name}` the newest rows are held out" in one for one in said
        )
