"""The champion goes on serving, whatever fails: as many random scripts as a time allows.

`make test` runs some on fakes, and a dozen on a real MLflow server and a real platform.
"""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path

import pytest

from tests.serving.theorem_runs import explain_failure, quick_clocks
from tests.serving.theorem_world import installation
from tests.support.theorem.fake_world import fake_worlds, problems_of
from tests.support.theorem.scripts import random_script, shrink
from tests.support.theorem.steps import in_words

SCRIPTS = {"fakes": 5000, "real": 300}
SECONDS = {"fakes": 900, "real": 1800}
FIRST_SEED = 10_000


def test_on_fakes() -> None:
    """A failing script is shown as its shortest part that fails."""
    over = time.monotonic() + SECONDS["fakes"]
    with fake_worlds():
        for count in range(SCRIPTS["fakes"]):
            script = random_script(FIRST_SEED + count)
            if problems_of(script):
                small = shrink(script, lambda one: bool(problems_of(one)))
                pytest.fail(f"{in_words(small)}\n\nthen:\n{problems_of(small)}")
            if time.monotonic() > over:
                break
    print(f"\n{count + 1} scripts on fakes")


def test_on_a_real_platform(versions: Path, tmp_path: Path) -> None:
    """It also tells after how many sweeps, and seconds, all was quiet, by what had happened."""
    over, count = time.monotonic() + SECONDS["real"], 0
    took: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
    with installation(tmp_path, versions) as shared, quick_clocks():
        while count < SCRIPTS["real"] and time.monotonic() < over:
            script = random_script(FIRST_SEED + count, steps=5)
            quiet = explain_failure(shared, FIRST_SEED + count, script)
            for do in {step.do for step in script[2:]}:
                took[do].append((quiet.sweeps, quiet.seconds))
            count += 1
    print(f"\n{count} scripts on a real MLflow server and a real platform; quiet again")
    for do, ends in sorted(took.items()):
        sweeps, seconds = (sorted(values) for values in zip(*ends, strict=True))
        middle = len(ends) // 2
        print(
            f"{do:>18}: {sweeps[middle]} sweeps ({sweeps[-1]} at most), {seconds[middle]:.1f} s "
            f"({seconds[-1]:.1f} at most), {len(ends)} times"
        )
