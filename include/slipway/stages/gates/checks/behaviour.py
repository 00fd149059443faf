"""Behaviour: the tests of single answers that a spec declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from slipway.records.store import encode
from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.gates.behaviour_tests import Asked, Outcome, ask_all
from slipway.stages.gates.check import Contest, Measured
from slipway.stages.gates.gate_numbers import finite
from slipway.stages.ports.raw_column import columns_of

PREFIX = "behaviour"
FILE = "behaviour.json"
"""Artifact of the training's run in MLflow."""

TESTS, FAILED, UNKNOWN = f"{PREFIX}.tests", f"{PREFIX}.failed", f"{PREFIX}.not_computed"
WORST, LACKS = f"{PREFIX}.worst", f"{PREFIX}.not_computed.first"
"""Number of tests, those that failed, those that could not be computed, and the first of each."""


@dataclass(frozen=True)
class BehaviourCheck:
    """Every test of single answers holds."""

    prefix: str = PREFIX

    def measure(self, contest: Contest) -> Measured:
        """Ask the challenger what the tests ask."""
        behaviour = contest.gates.behaviour
        if behaviour is None:
            return Measured()
        asked = Asked(
            contest.rows,
            columns_of(contest.challenger.manifest),
            contest.classes,
            partial(contest.scores_of, contest.challenger),
            contest.spec.training.seed,
        )
        found = ask_all(behaviour, asked)
        return Measured(behaviour_numbers(found), {FILE: encode([vars(one) for one in found])})

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield the test that most rows fail."""
        failed = finite(numbers.get(FAILED))
        if gates.behaviour is None or not failed:
            return
        share, allowed, rows = (
            finite(numbers.get(f"{WORST}.{one}")) or 0.0 for one in ("share", "allowed", "rows")
        )
        more = f", and {failed - 1:,.0f} more of {numbers.get(TESTS)} tests fail"
        yield (
            f"behaviour: that {numbers.get(WORST)} fails in {share:.1%} of {rows:,.0f} rows "
            f"({allowed:.1%} may)"
            f"{more if failed > 1 else ''}"
        )

    def undecided(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that a test could not be computed, or that others were asked."""
        if gates.behaviour is None:
            return
        if numbers.get(TESTS) != gates.behaviour.count:
            yield f"the {gates.behaviour.count} tests of behaviour were not asked"
        elif finite(numbers.get(UNKNOWN)) != 0:
            yield f"it is not known whether {numbers.get(LACKS)}: no row could be asked"

    def passed(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that all tests hold."""
        if gates.behaviour is not None:
            yield f"all {numbers.get(TESTS)} tests of behaviour hold"


def behaviour_numbers(found: list[Outcome]) -> dict[str, Number]:
    """Return what the gates are handed: the counts, and the test that most rows fail."""
    failed = [one for one in found if one.is_failed]
    unknown = [one for one in found if one.share is None]
    numbers: dict[str, Number] = {
        TESTS: len(found),
        FAILED: len(failed),
        UNKNOWN: len(unknown),
    }
    if unknown:
        numbers[LACKS] = unknown[0].name
    if failed:
        worst = max(failed, key=lambda one: (one.share or 0.0) - one.allowed)
        numbers |= {
            WORST: worst.name,
            f"{WORST}.share": worst.share,
            f"{WORST}.allowed": worst.allowed,
            f"{WORST}.rows": worst.rows,
        }
    return numbers
