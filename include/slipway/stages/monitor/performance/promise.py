"""Compare a window with what the champion's holdout lets expect of it; both have an error."""

from __future__ import annotations

from dataclasses import dataclass, replace

from slipway.spec.metrics import METRICS
from slipway.stages.monitor.labels.judged_rows import JudgedRows
from slipway.stages.monitor.performance.loss import Error, Loss
from slipway.stages.monitor.windows.window_blocks import (
    ROW_GROUP,
    WindowBlocks,
    divide_holdout,
    resampling,
)
from slipway.stages.monitor.windows.windows import Unit
from slipway.stages.ports.gate_tools import GateTools

FEW_DAYS = 20
"""Of a window with fewer days the holdout's days tell as well how much one day differs."""


@dataclass(frozen=True)
class Promise:
    """What the champion's holdout promises.

    Attributes:
        value: Its skill, the share of the way from a constant to perfect answers; its metric
            where no constant is looked at.
        is_skill: Whether it is a skill.
        error: Standard error; None where it is not known, as of a version without holdout rows.
        blocks: Number of blocks that tell the error.
        unit: What a block is, in the singular.
    """

    value: float
    is_skill: bool
    error: Error | None = None
    blocks: int = 0
    unit: str = ROW_GROUP

    def expected(self, rows: JudgedRows, *, tools: GateTools) -> float | None:
        """Return the metric that it lets expect of some rows."""
        if not self.is_skill:
            return self.value
        metric = METRICS[rows.metric]
        least = tools.measure([rows.metric], actual=rows.truth, scores=rows.constant)[rows.metric]
        return None if least is None else least * (1 - self.value) + metric.perfect * self.value


def promise_of(
    held_out: JudgedRows, *, is_skill: bool, window: Unit, seed: int, tools: GateTools
) -> Promise | None:
    """Return the promise of a holdout; None where it cannot be computed.

    Args:
        held_out: Holdout rows with the champion's scores.
        is_skill: Whether it is compared with a constant.
        window: Length of the windows that are compared with it.
        seed: Of the draws.
        tools: Adapters.
    """
    if len(held_out) < 2:  # noqa: PLR2004 # no spread of one
        return None
    blocks = divide_holdout(held_out.times, window=window)
    drawn = resampling(blocks, confidence=0.95, seed=seed)
    constant = held_out.floor if is_skill else None
    found = tools.gains.promise(
        held_out.metric,
        actual=held_out.truth,
        scores=held_out.scores,
        constant=constant,
        resampling=drawn,
    )
    if found is None:
        return None
    error = Error(found.error, found.independent)
    return Promise(found.value, constant is not None, error, drawn.count, blocks.unit)


def loss_against_promise(
    rows: JudgedRows,
    promise: Promise,
    *,
    blocks: WindowBlocks,
    seed: int,
    against: str,
    tools: GateTools,
) -> Loss | None:
    """Return the loss against what a promise lets expect; None where it cannot be computed.

    Args:
        rows: Rows of the window.
        promise: Promise.
        blocks: Their blocks.
        seed: Of the draws.
        against: The promise in words.
        tools: Adapters.
    """
    expected = promise.expected(rows, tools=tools)
    drawn = resampling(blocks.own, confidence=0.95, seed=seed)
    alike = promise.error is not None and blocks.own.unit == promise.unit != ROW_GROUP
    gain = tools.gains.surplus(
        rows.metric,
        actual=rows.truth,
        scores=rows.scores,
        constant=rows.constant if promise.is_skill else None,
        promise=promise.value,
        resampling=replace(drawn, in_order=False) if alike else drawn,
    )
    if gain is None or expected is None:
        return None
    own = Error(gain.error, gain.independent)
    if promise.error is None:
        note = " The error of the holdout's figure is not known."
        errors: tuple[Error, ...] = (own,)
    else:
        note = ""
        theirs = _in_metric(promise, promise.error, rows, expected)
        if alike:
            own = _as_correlated(own, promise.error, promise.blocks)
        errors = (_not_below(own, theirs, promise, blocks.common), theirs)
    return Loss(
        -gain.value,
        expected,
        errors,
        blocks=blocks.own.found,
        unit=blocks.own.unit,
        against=against,
        note=note,
        is_promised=True,
    )


def _as_correlated(own: Error, theirs: Error, blocks: int) -> Error:
    """Error of a window whose neighbouring days are as alike as the holdout's.

    The window's own days would tell it too, but a loss that begins within the window makes them
    look alike, and so would hide itself.
    """
    share = min(1.0, theirs.independent / blocks)
    return Error(own.value * share**-0.5, max(2.0, own.independent * share))


def _in_metric(promise: Promise, error: Error, rows: JudgedRows, expected: float) -> Error:
    """Error of a promise in the metric's unit, on these rows."""
    if not promise.is_skill:
        return error
    away = abs(METRICS[rows.metric].perfect - expected)
    # The rest of the way to perfect answers is the constant's, less the skill.
    whole = away / max(1e-9, 1 - promise.value)
    return Error(error.value * whole, error.independent)


def _not_below(own: Error, theirs: Error, promise: Promise, days: int) -> Error:
    """Error of a window, of few days not below what as many of the holdout's would have.

    Few days tell little of how much days differ; the hours of one day tell nothing of it.
    """
    if days >= FEW_DAYS or promise.unit == ROW_GROUP:
        return own
    as_many = Error(theirs.value * (promise.blocks / days) ** 0.5, theirs.independent)
    return max(own, as_many, key=lambda one: one.value)
