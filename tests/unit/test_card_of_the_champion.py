"""`slipway card`: without a version it is the champion's that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import slipway


@pytest.mark.parametrize(("words", "asked"), [((), "champion"), (("challenger",), "challenger")])
def test_a_card_without_a_version_is_that_of_the_champion(
    words: tuple[str, ...], asked: str, tmp_path: Path
) -> None:
    """Where there is none, the error names what was asked for."""
    for folder in ("store", "experiments"):
        (tmp_path / folder).mkdir()
    found = slipway("card", "flight_delay", *words, "--kept", str(tmp_path))
    assert found.exit_code == 1
    assert f"flight_delay has no {asked}" in found.output
