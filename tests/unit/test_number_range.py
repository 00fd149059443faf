"""Numbers of commands: finite, and within their bounds."""

from __future__ import annotations

import pytest

from tests.support.command_line import slipway


@pytest.mark.parametrize("given", ["nan", "inf", "-inf", "1e300", "-1"])
@pytest.mark.parametrize(
    "command", [("backtest", "model", "--label-delay"), ("replay", ".", "--label-delay")]
)
def test_days_that_no_calendar_has_are_refused(command: tuple[str, ...], given: str) -> None:
    """As a wrong use of the command, before anything is read."""
    result = slipway(*command, given)
    assert result.exit_code == 2
    assert "Invalid value for '--label-delay'" in result.output


@pytest.mark.parametrize("given", ["nan", "inf", "0"])
def test_a_pace_that_is_none_is_refused(given: str) -> None:
    """A pace is a finite number above zero."""
    result = slipway("replay", ".", "--speed", given)
    assert result.exit_code == 2
    assert "Invalid value for '--speed'" in result.output
