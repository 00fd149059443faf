"""The champion goes on serving, whatever fails: random scripts on fakes, each from its seed.

A script that fails is shown as its shortest part that fails, in words.
"""

from __future__ import annotations

import pytest

from tests.support.theorem.fake_world import fake_worlds, problems_of
from tests.support.theorem.scripts import Script, random_script, shrink
from tests.support.theorem.steps import GOOD, Step, in_words

SEEDS = range(150)
PARTS = 5


@pytest.mark.parametrize("part", range(PARTS))
def test_the_champion_goes_on_serving(part: int) -> None:
    """Through kills, edits in MLflow, outages and jumps of the clock, with requests throughout."""
    with fake_worlds():
        for seed in SEEDS[part::PARTS]:
            script = random_script(seed)
            problems = problems_of(script)
            if problems:
                pytest.fail(explain(seed, script, problems))


@pytest.mark.parametrize("at", range(8))
def test_a_sweep_is_killed_while_a_rollout_begins(at: int) -> None:
    """What it has recorded is entered in the ledger before its note is closed."""
    for begun in (1, 2):
        sweep = Step("deploy", at=begun, meanwhile=(Step("deploy", at=at),))
        script = (Step("train", GOOD), Step("deploy"), Step("train", GOOD), sweep, Step("deploy"))
        with fake_worlds():
            assert problems_of(script) == []


@pytest.mark.parametrize("at", range(12))
def test_a_file_is_written_again_while_it_is_ingested(at: int) -> None:
    """The rows of the file that lies there in the end stand, whichever ingest stood still."""
    first, second = "2", "2 again, changed"
    with fake_worlds():
        for slow, quick in ((first, second), (second, first)):
            step = Step("deliver", slow, at=at, meanwhile=(Step("deliver", quick),))
            assert problems_of((step,)) == []


def test_a_script_shrinks_to_what_fails() -> None:
    """What is left can be read."""

    def fails(script: Script) -> bool:
        steps = {step.do for step in script}
        killed = any(step.do == "deploy" and (step.at or 0) > 2 for step in script)
        return killed and "deliver" in steps

    script = next(one for seed in range(100) if fails(one := random_script(seed)))
    small = shrink(script, fails)
    assert {step.do for step in small} == {"deploy", "deliver"}
    assert "the deploy DAG runs; killed before its write 4" in in_words(small)


def test_a_script_in_words() -> None:
    """What happens while a process stands still is told below it."""
    script = (
        Step("train", GOOD),
        Step("deploy", at=4, meanwhile=(Step("delete model"), Step("train", GOOD, at=0))),
    )
    assert in_words(script).splitlines() == [
        "1. the train DAG makes a version that is good",
        "2. the deploy DAG runs; before its write 5, it stands still while",
        "   a) a person deletes the registered model in MLflow",
        "   b) the train DAG makes a version that is good; killed before its write 1",
    ]


def explain(seed: int, script: Script, problems: list[str]) -> str:
    """The shortest script that still fails, and with what."""
    small = shrink(script, lambda one: bool(problems_of(one)))
    found = "\n".join(problems_of(small))
    return f"seed {seed}: {problems}\n\nshortest:\n{in_words(small)}\n\nthen:\n{found}"
