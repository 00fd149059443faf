"""Runs of scripts in worlds on real services, each with a model of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import uuid4

import pytest

from slipway.records import leases, ledger
from tests.support.theorem.agreement import disagreements
from tests.support.theorem.clock import ShiftedClock
from tests.support.theorem.quiet import Quiet
from tests.support.theorem.scripts import Script, shrink
from tests.support.theorem.steps import in_words
from tests.support.theorem.world import World

MakeWorld = Callable[[str], AbstractContextManager[World]]
"""Makes a world for a model of a name."""


@contextmanager
def quick_clocks() -> Iterator[None]:
    """Patches that move the clock of leases, and do not wait for entries of the ledger."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "datetime", ShiftedClock)
        patch.setattr(ledger, "ENTRY_SECONDS", 0.0)
        yield


def run_in(make: MakeWorld, script: Script) -> tuple[list[str], Quiet | None]:
    """What breaks the theorem when a script runs, in words, and how the world became quiet."""
    with make(f"m{uuid4().hex[:8]}") as world:
        world.run(script)
        quiet = None if world.problems else world.settle()
        world.watch()
        problems = world.problems or [*disagreements(world), *world.deliveries.problems()]
        return problems, quiet


def explain_failure(
    make: MakeWorld, seed: int, script: Script, *, shrink_seconds: float = 0.0
) -> Quiet:
    """Run a script; fail with its words if it breaks the theorem, else tell how it became quiet.

    Args:
        make: Makes its world.
        seed: Of the script.
        script: The script.
        shrink_seconds: How long a shorter part that fails is looked for.
    """
    began = time.monotonic()
    problems, quiet = run_in(make, script)
    if not problems and quiet is not None:
        return quiet
    found = f"seed {seed}, after {time.monotonic() - began:.0f} s:\n{_story(script, problems)}"
    over = time.monotonic() + shrink_seconds

    def fails(one: Script) -> bool:
        return time.monotonic() < over and bool(run_in(make, one)[0])

    small = shrink(script, fails)
    if small != script:
        found += f"\n\nof which this also fails:\n{_story(small, run_in(make, small)[0])}"
    pytest.fail(found)


def _story(script: Script, problems: list[str]) -> str:
    return f"{in_words(script)}\n\nthen:\n" + "\n".join(problems)
