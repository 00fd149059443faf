"""Verdicts as `up`, `replay` and the demo print them."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from slipway.local.verdict_printer import VerdictPrinter
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from tests.fakes.memory_store import MemoryStore


def printed(run: str, stage: str) -> str:
    """The line of a verdict, after the action."""
    store, out = MemoryStore(), io.StringIO()
    printer = VerdictPrinter(store, ["sales"], Console(file=out, soft_wrap=True, width=200))
    ref = RunRef("sales", run, stage)
    perform(RunContext(store, {}), ref, lambda _: Verdict("said", "Why."), inputs={})
    printer.catch_up()
    return out.getvalue().partition("said")[2].strip()


@pytest.mark.parametrize(
    ("run", "stage", "window"),
    [
        ("window-2013-05-v3", "drift", "2013-05-v3"),
        ("window-2013-W07-v12", "performance", "2013-W07-v12"),
        ("window-2013-05-06T13-v1", "drift", "2013-05-06T13-v1"),
        ("decide-2013-05-v3-0a1b2c3d", "decide", "2013-05-v3"),
    ],
)
def test_a_line_of_the_monitor_names_its_window(run: str, stage: str, window: str) -> None:
    """Also that of a decision, which is named by its newest window."""
    assert printed(run, stage) == f"{window}: Why."


def test_other_lines_have_the_reason_alone() -> None:
    """Their reasons say what they are about."""
    assert printed("features-2013-05-1f2e3d4c", "ingest") == "Why."
