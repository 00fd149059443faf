"""Progress: one changing line on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
from rich.console import Console

from slipway.local.progress import LINE_SECONDS, shown_progress
from slipway.stages.profile.choose_target import plan_target
from slipway.wiring.new_specs import plan_file, profile_file, quick_fit
from slipway.wiring.opened_file import open_file


def test_long_work_has_a_line_now_and_then_and_short_work_has_none() -> None:
    """Where the output is no terminal."""
    out, now = io.StringIO(), [0.0]
    console = Console(file=out, force_terminal=False)
    with shown_progress(console, "reading", clock=lambda: now[0]) as show:
        for second in range(25):
            now[0] = float(second)
            show(f"row {second} [of] many")
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["10", "s", "row", "10", "[of]", "many"],
        ["20", "s", "row", "20", "[of]", "many"],
    ]
    assert LINE_SECONDS == 10


def test_a_terminal_shows_each_text_in_one_line() -> None:
    """Brackets are no markup."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80)
    with shown_progress(console, "reading [bold]") as show:
        show("row 1 [of] many")
        show("row 2 [bold] of many")
    assert "row 2 [bold] of many" in out.getvalue()


def test_new_tells_how_far_it_is(tmp_path: Path) -> None:
    """Rows that were read, columns that were measured, and rows that were checked again."""
    rows = 150_000
    file = tmp_path / "long.csv"
    numbers = pd.Series(range(rows))
    pd.DataFrame({"id": numbers, "size": numbers % 97, "sold": numbers % 3 == 0}).to_csv(
        file, index=False
    )
    told: list[str] = []
    profiled = profile_file(open_file(file), progress=told.append)
    assert sum(line.startswith("reading the file: ") for line in told) > 1
    assert f"reading the file: {rows:,} rows" in told
    assert "measuring the columns: 3 of 3" in told
    target = plan_target(profiled.measured, asked=None, fit=quick_fit(told.append))
    assert target.column == "sold"
    told.clear()
    plan_file(profiled, target, progress=told.append)
    assert told[0] == "guessing key, event time, roles and gates"
    assert "fitting quick model 1" in told
    assert told[-1] == f"checking every row: {rows:,} of {rows:,}"
