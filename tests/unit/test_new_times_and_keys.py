"""`slipway new`: event time, key, and the split that follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.support.new_specs import ROWS, binary, csv_file, planned, roles, table, written


def test_a_time_makes_a_split_by_time(tmp_path: Path, home: Path) -> None:
    """About a fifth is held out, and the window has rows enough."""
    frame = binary(2000)
    frame.insert(0, "sold_at", pd.date_range("2024-01-01", periods=2000, freq="h").astype(str))
    plan = planned(csv_file(frame, tmp_path / "houses.csv"))
    assert plan.time.columns == ("sold_at",)
    assert plan.sizes.split == "time"
    assert 0.15 < plan.sizes.holdout_rows / 2000 < 0.25
    assert written(plan, home).datasets["houses"].event_time == "sold_at"


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M"),
        ("%d.%m.%Y", "%d.%m.%Y"),
        ("%d.%m.%Y %H.%M.%S", "%d.%m.%Y %H.%M.%S"),
        ("%m/%d/%Y", "%m/%d/%Y"),
        ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"),
        ("%Y-%m-%dT%H:%M:%SZ", None),
        ("%Y%m%d", "%Y%m%d"),
        ("%d-%b-%Y", "%d-%b-%Y"),
        ("%s", "epoch_seconds"),
    ],
)
def test_times_are_read_in_the_form_of_the_file(
    texts: str, form: str | None, tmp_path: Path, home: Path
) -> None:
    """Day before month or behind it is told by the order of the file."""
    frame = binary()
    frame.insert(0, "date", pd.date_range("2023-01-05", periods=ROWS, freq="D").strftime(texts))
    plan = planned(csv_file(frame, tmp_path / "houses.csv"))
    assert plan.columns["date"].column.guess.format == form
    assert plan.time.columns == ("date",)
    written(plan, home)


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("%d/%m/%Y", "%H:%M:%S", None),
        ("%Y-%m-%d", "%H.%M.%S", "%H.%M.%S"),
        ("%Y-%m-%d", "hour", "%H"),
    ],
)
def test_a_day_and_a_time_of_day_in_two_columns_are_the_event_time(
    day: str, clock: str, expected: str | None, tmp_path: Path, home: Path
) -> None:
    """Texts or hours; together they are the key where no row repeats them."""
    times = pd.date_range("2023-01-05", periods=ROWS, freq="h")
    frame = table()
    frame.insert(0, "Date", times.strftime(day))
    frame.insert(1, "hr" if clock == "hour" else "Time", _clock(times, clock))
    plan = planned(csv_file(frame, tmp_path / "houses.csv"))
    assert plan.time.columns == tuple(frame.columns[:2])
    assert plan.time.time_format == expected
    assert plan.key.columns == plan.time.columns
    written(plan, home)


def _clock(times: pd.DatetimeIndex, form: str) -> Sequence[Any]:
    return times.hour.tolist() if form == "hour" else times.strftime(form).tolist()


def test_the_key_is_an_identifier_several_columns_or_the_row(tmp_path: Path, home: Path) -> None:
    """A number of rows is no identifier, since the next file has the same."""
    frame = binary()
    plan = planned(csv_file(frame.assign(house_id=range(500, 500 + ROWS)), tmp_path / "a.csv"))
    assert plan.key.columns == ("house_id",)
    written(plan, home)
    stores = pd.DataFrame(
        {
            "store": [f"s{number % 4}" for number in range(ROWS)],
            "week": pd.date_range("2020-01-06", periods=ROWS // 4, freq="7D").repeat(4).astype(str),
        }
    )
    plan = planned(csv_file(pd.concat([stores, frame], axis=1), tmp_path / "b.csv"))
    assert plan.key.columns == ("store", "week")
    written(plan, home)
    frame.insert(0, "Unnamed: 0", range(ROWS))
    plan = planned(csv_file(frame, tmp_path / "c.csv"))
    assert plan.key.columns == ()
    assert roles(plan)["Unnamed: 0"] == "left out"
    assert written(plan, home).datasets["data_c"].key == "row"


def test_columns_that_are_called_like_words_of_a_spec_are_not_meant(
    tmp_path: Path, home: Path
) -> None:
    """`key: row` and `event_time: arrival` name no column then."""
    frame = binary().assign(row=[f"r{one % 7}" for one in range(ROWS)], arrival=1.5)
    plan = planned(csv_file(frame, tmp_path / "houses.csv"), target="sold")
    dataset = written(plan, home).datasets["houses"]
    assert (dataset.key, dataset.event_time) == ("row", "arrival")
    assert not {"row", "arrival"} & dataset.streams.features.columns.keys()
