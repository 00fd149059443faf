"""How worlds become quiet after a script, and a table of that by what had happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.theorem.scripts import Script
from tests.support.theorem.steps import Step


@dataclass(frozen=True)
class Quiet:
    """How a world became quiet.

    Attributes:
        sweeps: Sweeps until there was nothing to do.
        seconds: How long they took.
        last: What the last sweep said.
    """

    sweeps: int
    seconds: float
    last: str


@dataclass
class QuietTimes:
    """Times to a quiet state by kind of fault.

    Attributes:
        found: How the worlds became quiet in whose scripts a kind of fault was.
    """

    found: defaultdict[str, list[Quiet]] = field(default_factory=lambda: defaultdict(list))

    def add(self, script: Script, quiet: Quiet) -> None:
        """Add a script, and how its world became quiet.

        Args:
            script: Its first two steps make the first champion.
            quiet: The end.
        """
        for kind in {kind for step in script[2:] for kind in _kinds(step)}:
            self.found[kind].append(quiet)

    def table(self) -> str:
        """One row per kind, with the median and the longest time."""
        rows = [f"{'in the script':<30} {'scripts':>7} {'sweeps':>11} {'seconds':>15}"]
        for kind, ends in sorted(self.found.items()):
            sweeps = sorted(one.sweeps for one in ends)
            seconds = sorted(one.seconds for one in ends)
            middle = len(ends) // 2
            most = (
                f"{sweeps[middle]} (to {sweeps[-1]})",
                f"{seconds[middle]:.1f} (to {seconds[-1]:.1f})",
            )
            rows.append(f"{kind:<30} {len(ends):>7} {most[0]:>11} {most[1]:>15}")
        return "\n".join(rows)


def _kinds(step: Step) -> Iterator[str]:
    """Kinds of what happens in a step."""
    if step.at is None:
        yield step.do
        return
    yield f"{step.do}, {'interrupted' if step.meanwhile else 'killed'}"
    for inner in step.meanwhile:
        yield from _kinds(inner)
