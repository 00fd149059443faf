"""Loss of a champion in a window against what its comparator lets expect, with its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.stages.gates.gate_numbers import POWER_QUANTILE
from slipway.stages.ports.metrics import Gain


@dataclass(frozen=True)
class Error:
    """A standard error that was estimated from some independent blocks."""

    value: float
    independent: float


@dataclass(frozen=True)
class Loss:
    """Loss in a metric on some rows; positive where the champion is worse than expected.

    Attributes:
        value: Loss.
        expected: Metric that was to be expected on these rows.
        errors: Errors of the rows and, if it is one of its own, of the comparator's figure.
        blocks: Number of blocks of the rows.
        unit: What a block is, in the singular.
        against: Comparator, in words: `its holdout let expect`.
        note: Sentence about what is not known of the comparison; empty without one.
        is_promised: Whether the comparator is one figure for all windows, so that they share its
            error.
    """

    value: float
    expected: float
    errors: Sequence[Error]
    blocks: int
    unit: str
    against: str
    note: str = ""
    is_promised: bool = False

    @property
    def own(self) -> Error | None:
        """Error of the rows; None where the one that windows share is not known."""
        return None if self.is_promised and self.shared is None else self.errors[0]

    @property
    def shared(self) -> Error | None:
        """Error that all windows share."""
        return self.errors[1] if self.is_promised and len(self.errors) > 1 else None

    @property
    def error(self) -> float:
        """Standard error of the loss."""
        return float(sum(one.value**2 for one in self.errors) ** 0.5)

    @property
    def freedom(self) -> float:
        """Degrees of freedom of the error.

        Source:
            Welch 1947; Satterthwaite 1946.
        """
        parts = sum(one.value**4 / max(1.0, one.independent - 1) for one in self.errors)
        return self.error**4 / parts if parts else 1.0

    def reach(self, confidence: float) -> float:
        """Return how far a one-sided bound is from the loss."""
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, confidence)) * self.error

    def detectable(self, margin: float, confidence: float) -> float:
        """Return the true loss that is called decay in 8 of 10 windows like this one."""
        return margin + self.reach(confidence) + POWER_QUANTILE * self.error


def paired_loss(gain: Gain, *, expected: float, blocks: int, unit: str, against: str) -> Loss:
    """Return the loss against another model on the same rows.

    Args:
        gain: Gain of the champion over it.
        expected: The other model's metric.
        blocks: Number of blocks of the rows.
        unit: What a block is, in the singular.
        against: The other model, in words.
    """
    errors = (Error(gain.error, gain.independent),)
    return Loss(-gain.value, expected, errors, blocks, unit, against)
