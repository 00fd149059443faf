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
        ("window-2013-W07-v12-r1", "performance", "2013-W07-v12-r1"),
        ("decide-2013-05-v3-0a1b2c3d", "decide", "2013-05-v3"),
    ],
)
def test_a_line_of_the_monitor_names_its_window(run: str, stage: str, window: str) -> None:
    """Also that of a decision, which is named by its newest window."""
    assert printed(run, stage) == f"{window}: Why."


def test_other_lines_have_the_reason_alone() -> None:
    """Their reasons say what they are about."""
    assert printed("features-2013-05-1f2e3d4c", "ingest") == "Why."


def test_a_training_that_failed_for_good_is_printed_with_its_hint() -> None:
    """In one line; an answer of any other outcome is covered by the verdict of another stage."""
    store, out = MemoryStore(), io.StringIO()
    printer = VerdictPrinter(store, ["sales"], Console(file=out, soft_wrap=True, width=200))
    why = "train failed and a retry cannot help: too few rows\n  found: 3\n  hint: wait for more"
    for run, outcome in (("request-000001", "failed"), ("request-000002", "promoted")):
        said = Verdict("answered", why, {"request": 1, "outcome": outcome})
        ref = RunRef("sales", run, "answer")
        perform(RunContext(store, {}), ref, lambda _, said=said: said, inputs={})
    printer.catch_up()
    (line,) = out.getvalue().splitlines()
    assert line.split()[:3] == ["sales", "answer", "failed"]
    assert line.endswith("help: too few rows; found: 3; hint: wait for more")


@pytest.mark.parametrize("odd", ["", "[" * 200_000, "[]", "{}", '{"fact": {}}', '{"fact": 1}'])
def test_what_is_no_entry_is_passed_over(odd: str) -> None:
    """`slipway up` goes on, whatever another hand put at the end of a ledger."""
    store, out = MemoryStore(), io.StringIO()
    printer = VerdictPrinter(store, ["sales"], Console(file=out, soft_wrap=True, width=200))
    store.write("ledger/sales/00000001.json", odd.encode())
    printer.catch_up()
    printer.catch_up()
    assert out.getvalue() == ""
