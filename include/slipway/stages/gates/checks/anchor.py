"""Anchor: a challenger may not be much worse than a fixed version, whatever the champion is.

Each of many challengers may be a little worse than the champion that it replaces; an anchor bounds
what they lose together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.gates.check import Contest, GateCheck, Measured
from slipway.stages.gates.gate_numbers import BLOCKS, finite
from slipway.stages.model.aliases import ANCHOR, CHALLENGER
from slipway.values.figures import in_figures, in_signed_figures

VERSION = f"{ANCHOR}.version"
"""Version of the anchor; None: there is none yet."""

_GAIN = ("value", "lower", "upper", "error")


@dataclass(frozen=True)
class AnchorCheck(GateCheck):
    """A challenger is shown to be worse than the anchor by no more than the spec allows."""

    prefix: str = ANCHOR

    def measure(self, contest: Contest) -> Measured:
        """Measure the anchor on the common holdout, and the gain over it."""
        gates, blocks = contest.gates, contest.blocks
        if gates.anchor is None:
            return Measured()
        numbers: dict[str, Number] = {VERSION: contest.anchor_version}
        metric = gates.anchor_metric
        own, other = (contest.answers(who, metric) for who in (CHALLENGER, ANCHOR))
        if blocks is None or blocks.found < gates.min_blocks or own is None or other is None:
            return Measured(numbers)
        target, scores = other
        numbers[f"{ANCHOR}.{metric}"] = contest.tools.measure(
            [metric], actual=target, scores=scores
        )[metric]
        gain = contest.tools.gains.of_metrics(
            [metric],
            actual=target,
            challenger=own[1],
            other=scores,
            resampling=blocks.resampling(gates, seed=contest.spec.training.seed),
        )[metric]
        numbers |= {
            f"{ANCHOR}.gain.{one}": None if gain is None else getattr(gain, one) for one in _GAIN
        }
        return Measured(numbers)

    def failures(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield that the challenger may be worse than the anchor by more than is allowed."""
        if gates.anchor is None:
            return
        if VERSION not in numbers:
            yield "it is not known whether there is an anchor"
            return
        version, blocks = numbers[VERSION], finite(numbers.get(BLOCKS))
        if version is None or blocks is None or blocks < gates.min_blocks:
            return
        metric, allowed = gates.anchor_metric, gates.anchor.max_loss
        value, lower, upper = (finite(numbers.get(f"{ANCHOR}.gain.{one}")) for one in _GAIN[:3])
        if value is None or lower is None or upper is None:
            yield (
                f"{metric} cannot be compared with the anchor, version {version} (give the alias "
                f"`{ANCHOR}` in MLflow to a version that takes today's columns)"
            )
        elif lower <= -allowed:
            yield (
                f"{metric} {in_figures(finite(numbers.get(f'{CHALLENGER}.{metric}')) or 0.0)} may "
                f"be worse than that of the anchor, version {version}, by more than {allowed:g}: "
                f"its gain of {in_figures(value)} lies between {in_figures(lower)} and "
                f"{in_figures(upper)}"
            )

    def passed(self, gates: Gates, numbers: Mapping[str, Number]) -> Iterator[str]:
        """Yield how it compares with the anchor."""
        lower = finite(numbers.get(f"{ANCHOR}.gain.lower"))
        if gates.anchor is not None and lower is not None:
            yield (
                f"{gates.anchor_metric} is at least {in_signed_figures(lower)} beside the anchor, "
                f"version {numbers[VERSION]}"
            )
