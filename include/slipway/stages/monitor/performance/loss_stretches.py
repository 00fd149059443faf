"""Losses of consecutive windows as stretches of time, with errors that hold between them; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.stages.monitor.performance.cusum import REFERENCE
from slipway.stages.monitor.performance.loss import Error

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FEWEST_WEEKS = 4
"""With fewer windows their correlation is not estimated."""

STRONGEST_CORRELATION = 0.9
_LEAST_ERROR = 1e-12
_FAR = 1e4
"""Standard errors beyond which no bound is looked for."""


@dataclass(frozen=True)
class WindowLoss:
    """Loss of one window against its comparator.

    Attributes:
        value: Loss; positive where the champion is worse.
        own: Error of the window alone.
        shared: Error that all windows share, of a figure that they are compared with; None of a
            comparator that answers each window's rows.
    """

    value: float
    own: Error
    shared: Error | None = None


@dataclass(frozen=True)
class Stretches:
    """Stretches of windows, oldest first.

    Attributes:
        values: Loss of each.
        errors: Standard error of each.
        freedom: Degrees of freedom of each error.
        shared: Bound of the error that all share, on each.
    """

    values: Array
    errors: Array
    freedom: Array
    shared: Array

    @classmethod
    def of(cls, losses: Sequence[WindowLoss], *, windows: int, confidence: float) -> Stretches:
        """Join so many windows to a stretch each, counted from the newest."""
        import numpy as np

        values = np.array([one.value for one in losses])
        variances = np.array([max(one.own.value, _LEAST_ERROR) ** 2 for one in losses])
        if windows > 1:
            variances = variances * _wider_by_likeness(values, variances)
        shared = [_shared_bound(one.shared, confidence) for one in losses]
        freedom = [max(1.0, one.own.independent - 1) for one in losses]
        stretches = len(losses) // windows

        def in_stretches(of_window: Any) -> Array:
            newest = np.asarray(of_window)[-stretches * windows :]
            return newest.reshape(stretches, windows)

        joined = in_stretches(values).mean(axis=1)
        squares = in_stretches(variances).mean(axis=1) / windows
        squares = squares * max(1.0, _spread(joined, squares))
        return cls(
            joined,
            np.sqrt(squares),
            in_stretches(freedom).sum(axis=1),
            in_stretches(shared).mean(axis=1),
        )

    def since(self, first: int) -> Stretches:
        """The stretches from one on."""
        return Stretches(
            *(one[first:] for one in (self.values, self.errors, self.freedom, self.shared))
        )

    def mirrored(self) -> Stretches:
        """The same with gains for losses."""
        return Stretches(-self.values, self.errors, self.freedom, self.shared)

    def steps(self, allowed: float, most: float) -> list[float]:
        """What each stretch adds to the sum of evidence for a loss beyond an allowed one."""
        import numpy as np

        steps = self._deviates(allowed, self.shared) - REFERENCE
        return [float(one) for one in np.minimum(steps, most)]

    def bound(self, limit: float, *, most: float | None = None) -> float:
        """Return the loss at which the sum of all stretches is a limit; 0: the estimate."""
        if most is None:
            return self._solve(lambda loss: float(self._deviates(loss, 0.0).sum()))
        return self._solve(lambda loss: sum(self.steps(loss, most)) - limit)

    def _solve(self, falling: Callable[[float], float]) -> float:
        """Where a falling function of the loss is 0."""
        from scipy.optimize import brentq

        reach = _FAR * float(self.errors.max()) + float(self.shared.max())
        low, high = float(self.values.min()) - reach, float(self.values.max()) + reach
        return float(brentq(falling, low, high))

    def _deviates(self, loss: float, shared: Any) -> Array:
        """Standard normal deviates of the stretches' losses beyond a loss."""
        import numpy as np
        from scipy.special import ndtri, stdtr

        chances = stdtr(self.freedom, (self.values - shared - loss) / self.errors)
        found: Array = ndtri(np.clip(chances, 1e-12, 1 - 1e-12))
        return found


def _shared_bound(error: Error | None, confidence: float) -> float:
    """How far the figure that windows are compared with may be off."""
    if error is None:
        return 0.0
    from scipy.special import stdtrit

    return float(stdtrit(max(1.0, error.independent - 1), confidence)) * error.value


def _spread(values: Array, squares: Array) -> float:
    """How many times the stated variances the differences of neighbours have; 0 of one alone.

    Neighbours are compared, so that a loss that creeps or begins once does not hide itself.

    Source:
        Birge 1932 (ratio of external to internal error); von Neumann 1941 (successive differences).
    """
    import numpy as np

    if len(values) < 2:  # noqa: PLR2004 - one has no neighbour
        return 0.0
    return float((np.diff(values) ** 2 / (squares[1:] + squares[:-1])).mean())


def _wider_by_likeness(values: Array, variances: Array) -> float:
    """Factor for variances of short windows, whose neighbours share what days have in common."""
    count = len(values)
    if count < FEWEST_WEEKS:
        return 1.0
    centred = values - values.mean()
    squares = float(centred @ centred)
    found = float(centred[1:] @ centred[:-1]) / squares if squares > 0 else 0.0
    alike = min(max(found + (1 + 3 * found) / count, 0.0), STRONGEST_CORRELATION)
    return max(1.0, _spread(values, variances) / (1 - alike) * (1 + alike) / (1 - alike))
