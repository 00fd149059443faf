"""Slices: gains by slice, what the gates are handed of them, and the whole table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slipway.records.store import encode
from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.gates.check import Contest, Measured
from slipway.stages.gates.gate_numbers import BLOCKS, baseline, finite
from slipway.stages.gates.holdout_slices import slices_of
from slipway.stages.model.aliases import CHALLENGER, CHAMPION
from slipway.stages.model.class_scores import with_unseen
from slipway.stages.ports.metrics import Gain
from slipway.values.figures import in_figures

FILE = "slices.json"
"""Artifact of the training's run in MLflow."""

COMPARED, WORSE, WORST = "slices", "slices.worse", "slices.worst"
"""Slices that were compared, those that are worse than allowed, and the worst one's name."""


@dataclass(frozen=True)
class SliceGain:
    """Gain in one slice.

    Attributes:
        name: Name of the slice.
        rows: Its holdout rows.
        gain: Gain over the champion, with bounds that hold in all slices at once; None where it
            cannot be computed.
    """

    name: str
    rows: int
    gain: Gain | None


def slices_file(gains: list[SliceGain]) -> bytes:
    """Return the whole table as the artifact, the worst slice first."""
    rows = [
        {"slice": one.name, "rows": one.rows, **({} if one.gain is None else vars(one.gain))}
        for one in sorted(gains, key=_badness)
    ]
    return encode({"slices": rows})


def slice_numbers(gains: list[SliceGain], *, max_loss: float) -> dict[str, Number]:
    """Return what the gates are handed: how many slices there are, and the worst one.

    Args:
        gains: Gains by slice.
        max_loss: Loss that the spec allows in a slice.
    """
    known = [one for one in gains if one.gain is not None]
    numbers: dict[str, Number] = {COMPARED: len(known)}
    if not known:
        return numbers
    worst = min(known, key=_badness)
    if worst.gain is None:
        raise AssertionError(worst.name)
    numbers[WORSE] = sum(one.gain is not None and one.gain.upper < -max_loss for one in known)
    return numbers | {
        WORST: worst.name,
        f"{WORST}.rows": worst.rows,
        f"{WORST}.value": worst.gain.value,
        f"{WORST}.lower": worst.gain.lower,
        f"{WORST}.upper": worst.gain.upper,
    }


@dataclass(frozen=True)
class SliceCheck:
    """A challenger may not be worse than the champion in a slice."""

    prefix: str = COMPARED

    def measure(self, contest: Contest) -> Measured:
        """Measure the gain in the first metric in each slice."""
        slices, blocks = contest.gates.slices, contest.blocks
        metric = next(iter(contest.gates.metrics))
        other = contest.judged(CHAMPION, metric)
        if slices is None or blocks is None or blocks.found < contest.gates.min_blocks:
            return Measured()
        if other is None:
            return Measured()
        masks = slices_of(contest.rows, slices)
        target, challenger = with_unseen(contest.actual, contest.judged(CHALLENGER, metric))
        found = contest.tools.gains.of_slices(
            metric,
            slices=masks,
            actual=target,
            challenger=challenger,
            other=with_unseen(contest.actual, other)[1],
            resampling=blocks.resampling(contest.gates, seed=contest.spec.training.seed),
        )
        gains = [SliceGain(one, int(masks[one].sum()), gain) for one, gain in found.items()]
        files = {FILE: slices_file(gains)} if gains else {}
        return Measured(slice_numbers(gains, max_loss=slices.max_loss), files)

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that the challenger is shown to be worse than the champion in a slice."""
        worse = finite(numbers.get(WORSE))
        if gates.slices is None or not worse:
            return
        value, lower, upper = (
            finite(numbers.get(f"{WORST}.{one}")) or 0.0 for one in ("value", "lower", "upper")
        )
        metric = next(iter(gates.metrics))
        others = ""
        if worse > 1:
            others = f", and {worse - 1:,.0f} more of {numbers[COMPARED]} slices are"
        yield (
            f"in the slice {numbers[WORST]} {metric} is worse than the champion's by "
            f"{in_figures(-value)} (between {in_figures(-upper)} and {in_figures(-lower)}, "
            f"{gates.slices.max_loss:g} is allowed) on "
            f"{numbers[f'{WORST}.rows']:,} rows{others}"
        )

    def undecided(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that no slice could be compared, beside a champion."""
        if gates.slices is None or baseline(numbers) != CHAMPION:
            return
        blocks = finite(numbers.get(BLOCKS))
        # Too few blocks are said once, for all that resamples them.
        if blocks is None or blocks < gates.min_blocks or finite(numbers.get(COMPARED)):
            return
        yield f"no slice has a gain, on at least {gates.slices.min_rows:,} rows"

    def passed(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that it is worse in none of the slices."""
        del gates
        if numbers.get(COMPARED):
            yield f"in none of {numbers[COMPARED]} slices it is shown to be worse"


def _badness(one: SliceGain) -> float:
    return float("inf") if one.gain is None else one.gain.upper
