"""Runs of scripts on a shared installation, and their times to a quiet state."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

import pytest

from slipway.records import leases, ledger
from tests.serving.theorem_world import Installation, LocalWorld
from tests.support.theorem.agreement import disagreements
from tests.support.theorem.clock import ShiftedClock
from tests.support.theorem.scripts import Script
from tests.support.theorem.steps import Step, in_words
from tests.support.theorem.world import Quiet


@contextmanager
def quick_clocks() -> Iterator[None]:
    """Patches that move the clock of leases, and do not wait for entries of the ledger."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "datetime", ShiftedClock)
        patch.setattr(ledger, "ENTRY_SECONDS", 0.0)
        yield


def run_locally(shared: Installation, script: Sequence[Step]) -> tuple[list[str], Quiet | None]:
    """What breaks the theorem when a script runs, in words, and how the world became quiet."""
    with LocalWorld(shared, f"m{uuid4().hex[:8]}") as world:
        world.run(script)
        quiet = None if world.problems else world.settle()
        world.watch()
        problems = world.problems or [*disagreements(world), *world.deliveries.problems()]
        return problems, quiet


def explain_failure(shared: Installation, seed: int, script: Script) -> Quiet:
    """Run a script; fail with its words if it breaks the theorem, else tell how it became quiet."""
    began = time.monotonic()
    problems, quiet = run_locally(shared, script)
    took = time.monotonic() - began
    if problems or quiet is None:
        found = "\n".join(problems)
        pytest.fail(f"seed {seed}, after {took:.0f} s:\n{in_words(script)}\n\nthen:\n{found}")
    return quiet
