"""Gains by slice: what the gates are handed of them, and the whole table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slipway.records.store import encode
from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.ports.metrics import Gain
from slipway.stages.train.gate_numbers import finite

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


def slice_names() -> tuple[str, ...]:
    """Return the names of all such numbers."""
    return (COMPARED, WORSE, WORST, *(f"{WORST}.{one}" for one in _FIELDS))


def worse_slices(gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
    """Yield that the challenger is shown to be worse than the champion in a slice."""
    worse = finite(numbers.get(WORSE))
    if gates.slices is None or not worse:
        return
    value, lower, upper = (
        finite(numbers.get(f"{WORST}.{one}")) or 0.0 for one in ("value", "lower", "upper")
    )
    metric = next(iter(gates.metrics))
    others = "" if worse == 1 else f", and {worse - 1:,.0f} more of {numbers[COMPARED]} slices are"
    yield (
        f"in the slice {numbers[WORST]} {metric} is worse than the champion's by {-value:.4f} "
        f"(between {-upper:.4f} and {-lower:.4f}, {gates.slices.max_loss:g} is allowed) on "
        f"{numbers[f'{WORST}.rows']:,} rows{others}"
    )


_FIELDS = ("rows", "value", "lower", "upper")


def _badness(one: SliceGain) -> float:
    return float("inf") if one.gain is None else one.gain.upper
