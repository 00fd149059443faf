"""Figures and moments as people read them: never `-0.0000`, never microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from slipway.stages.card.words import recorded_time, spelled
from slipway.values.figures import in_few_digits, in_figures, in_signed_figures
from slipway.values.told_times import in_utc


@pytest.mark.parametrize("value", [0.0, -0.0, -1e-9, 1e-9, -0.00004])
def test_what_rounds_to_zero_has_no_sign(value: float) -> None:
    """A gain of nothing is neither a gain nor a loss."""
    assert in_figures(value) == "0.0000"
    assert in_signed_figures(value) == "0.0000"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.01234, "+0.0123"), (-24.468, "-24.47"), (1500.4, "+1,500"), (-1500.4, "-1,500")],
)
def test_a_gain_has_its_sign(value: float, said: str) -> None:
    """Of any size, with the digits of other figures."""
    assert in_signed_figures(value) == said


def test_a_zero_of_a_record_has_no_sign() -> None:
    """Where a figure has as many digits as it needs."""
    assert (in_few_digits(-0.0), spelled(-0.0)) == ("0", "0")


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-30T11:20:38.372572+00:00",
        "2026-11-30T11:20:38",
        datetime(2026, 11, 30, 11, 20, 38, 999_999, tzinfo=UTC),
        datetime(2026, 11, 30, 12, 20, 38, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_moment_is_told_in_utc_to_the_second(moment: datetime | str) -> None:
    """Whatever zone it is in."""
    assert in_utc(moment) == "2026-11-30 11:20:38 UTC"


def test_a_moment_that_was_not_recorded_is_said_to_be() -> None:
    """In a model card."""
    assert recorded_time(None) == "not recorded"
    assert recorded_time("2013-05-01T00:00:00.123456+00:00") == "2013-05-01 00:00:00 UTC"
