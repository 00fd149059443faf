"""Slices: figures and gains by slice, what the gates are handed of them, and the whole table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from slipway.records.store import encode
from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.gates.check import Contest, Measured
from slipway.stages.gates.gate_numbers import BLOCKS, baseline, finite
from slipway.stages.gates.holdout_slices import slices_of, small_slices
from slipway.stages.gates.slice_figures import (
    MEASURED,
    SliceFigure,
    figure_numbers,
    figures_of,
    format_lowest,
)
from slipway.stages.model.aliases import CHALLENGER, CHAMPION
from slipway.stages.ports.metrics import Gain
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    from slipway.stages.gates.holdout_slices import Mask

FILE = "slices.json"
"""Artifact of the training's run in MLflow."""

COMPARED, WORSE, WORST = "slices", "slices.worse", "slices.worst"
"""Slices that were compared, those that are worse than allowed, and the worst one's name."""

SMALL = "slices.small"
"""Named slices of too few rows, with their rows."""


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


def slices_file(
    gains: Sequence[SliceGain], *, metric: str = "", figures: Sequence[SliceFigure] = ()
) -> bytes:
    """Return the whole tables as the artifact, the worst slice first.

    Args:
        gains: Gains by slice.
        metric: Metric of the figures.
        figures: Figures of the challenger by slice, the worst first.
    """
    rows = [
        {"slice": one.name, "rows": one.rows, **({} if one.gain is None else vars(one.gain))}
        for one in sorted(gains, key=_badness)
    ]
    return encode({"slices": rows, "metric": metric, "figures": [asdict(one) for one in figures]})


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
        """Measure the first metric in each slice, and the gain over the champion."""
        slices = contest.gates.slices
        if slices is None:
            return Measured()
        metric = next(iter(contest.gates.metrics))
        masks = slices_of(contest.rows, slices, personal=contest.personal)
        figures = figures_of(contest, metric, masks)
        numbers, gains = figure_numbers(figures), _gains(contest, metric, masks)
        if small := small_slices(contest.rows, slices):
            numbers[SMALL] = ", ".join(f"{name} ({rows:,})" for name, rows in small.items())
        if gains is not None:
            numbers |= slice_numbers(gains, max_loss=slices.max_loss)
        return Measured(numbers, {FILE: slices_file(gains or (), metric=metric, figures=figures)})

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
        """Yield that it is worse in none of the slices, and the one with the worst figure."""
        if gates.slices is None:
            return
        if numbers.get(COMPARED):
            yield f"in none of {numbers[COMPARED]} slices it is shown to be worse"
        lowest = format_lowest(next(iter(gates.metrics)), numbers)
        if lowest is not None:
            yield lowest
        elif MEASURED in numbers:
            yield f"no slice has {gates.slices.min_rows:,} rows on which it can be measured"
        if small := numbers.get(SMALL):
            yield f"named slices of fewer than {gates.slices.min_rows:,} rows: {small}"


def _gains(contest: Contest, metric: str, masks: Mapping[str, Mask]) -> list[SliceGain] | None:
    """Gains over the champion by slice; None where nothing can be compared."""
    gates, blocks = contest.gates, contest.blocks
    own, other = (contest.answers(who, metric) for who in (CHALLENGER, CHAMPION))
    if blocks is None or blocks.found < gates.min_blocks or own is None or other is None:
        return None
    found = contest.tools.gains.of_slices(
        metric,
        slices=masks,
        actual=own[0],
        challenger=own[1],
        other=other[1],
        resampling=blocks.resampling(gates, seed=contest.spec.training.seed),
    )
    return [SliceGain(one, int(masks[one].sum()), gain) for one, gain in found.items()]


def _badness(one: SliceGain) -> float:
    return float("inf") if one.gain is None else one.gain.upper
