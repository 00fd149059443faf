"""Judge windows of a champion: k of the last n and the newest, or all together; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from slipway.records.verdicts import Number, Verdict
from slipway.stages.monitor.performance.decay_sequence import LossTogether, add_up, loss_of
from slipway.stages.monitor.severity import severity_of

if TYPE_CHECKING:
    from slipway.spec.monitoring import Fire, Monitoring

NOTHING = "No retraining is requested: "
"""Beginning of the reason of a decision that requests none."""


@dataclass(frozen=True)
class WindowVerdict:
    """Verdict on the drift or the performance of one window.

    Attributes:
        window: Id of the window.
        action: `ok`, `drifting`, `decayed` or `inconclusive`.
        reason: Reason of the verdict.
        record: Store key of the record.
        numbers: Numbers of the verdict.
    """

    window: str
    action: str
    reason: str
    record: str
    numbers: Mapping[str, Number] = field(default_factory=dict)


def k_of_last_n(actions: Sequence[str], fire: Fire, *, on: str) -> bool:
    """Whether k of the last n windows, the newest among them, have a given verdict; pure.

    Args:
        actions: Verdicts, oldest window first; an inconclusive one takes a place without
            counting.
        fire: k and n.
        on: `drifting` or `decayed`.
    """
    newest = actions[-fire.n :]
    return bool(newest) and newest[-1] == on and newest.count(on) >= fire.k


def add_windows_up(
    performance: Sequence[WindowVerdict], monitoring: Monitoring
) -> LossTogether | None:
    """Return the loss of consecutive windows together; None where they are too few; pure.

    Windows without a loss, as inconclusive ones, are passed over, but for the newest.

    Args:
        performance: Performance verdicts of one version, oldest window first.
        monitoring: Criteria of the present spec.
    """
    losses = [loss_of(one.numbers, monitoring.performance) for one in performance]
    if not losses or losses[-1] is None:
        return None
    return add_up([one for one in losses if one is not None], monitoring)


def judge_windows(
    drift: Sequence[WindowVerdict],
    performance: Sequence[WindowVerdict],
    fire: Fire,
    *,
    together: LossTogether | None = None,
) -> Verdict:
    """Decide whether a champion's newest windows request a new model; pure.

    Decay comes before drift: it is observed harm, and drift only a reason to expect some.

    Args:
        drift: Drift verdicts, oldest window first.
        performance: Performance verdicts, oldest window first.
        fire: k and n.
        together: Loss of consecutive windows together; None: it is not known.
    """
    in_sequence = together is not None and together.is_decay
    decayed = k_of_last_n([one.action for one in performance], fire, on="decayed")
    decaying = decayed or in_sequence
    drifting = k_of_last_n([one.action for one in drift], fire, on="drifting")
    numbers: dict[str, Number] = {
        "decayed": sum(one.action == "decayed" for one in performance[-fire.n :]),
        "drifting": sum(one.action == "drifting" for one in drift[-fire.n :]),
        "k": fire.k,
        "n": fire.n,
        **({} if together is None else together.numbers()),
    }
    if not decaying and not drifting:
        why = _why_not(performance, drift, fire)
        if together is not None and together.value > 0:
            why = f"{why}; {together}"
        return Verdict("nothing", f"{NOTHING}{why}.", numbers)
    reasons = [
        _format_count(measured, fire, on=on)
        for measured, on, fired in (
            (performance, "decayed", decayed),
            (drift, "drifting", drifting),
        )
        if fired
    ]
    if in_sequence:
        reasons.insert(int(decayed), str(together))
    newest = performance[-1] if decaying else drift[-1]
    severity = severity_of("decayed" if decaying else "drifting", newest.numbers)
    shown = f"{newest.window} ({severity})"
    if together is not None and in_sequence and not decayed:
        severity, shown = together.severity, newest.window
    numbers |= {
        "kind": "decay" if decaying else "drift",
        "window": newest.window,
        "severity": severity.level,
    }
    if severity.times is not None:
        numbers["times_the_limit"] = round(severity.times, 3)
    counted = "; ".join(reasons)
    reason = f"{counted[0].upper()}{counted[1:]}. The newest, {shown}: {newest.reason}"
    return Verdict("request", reason, numbers, {"record": newest.record})


def _why_not(
    performance: Sequence[WindowVerdict], drift: Sequence[WindowVerdict], fire: Fire
) -> str:
    """Why no retraining is requested, so that it contradicts no verdict on a window."""
    reasons = [
        f"{_format_count(measured, fire, on=on)}, {_what_lacks(measured, fire, on=on)}"
        for measured, on in ((performance, "decayed"), (drift, "drifting"))
        if any(one.action == on for one in measured[-fire.n :])
    ]
    if reasons:
        return "; ".join(reasons)
    windows = min(fire.n, max(len(performance), len(drift)))
    if windows == 1:
        return "the newest window is neither decayed nor drifting"
    return f"none of the last {windows} windows is decayed or drifting"


def _what_lacks(measured: Sequence[WindowVerdict], fire: Fire, *, on: str) -> str:
    """What a request would need beside the windows that have a verdict."""
    newest = measured[-fire.n :]
    if sum(one.action == on for one in newest) >= fire.k:
        return f"but not the newest, {newest[-1].window}"
    return f"and {fire.k} of {fire.n} are needed, the newest among them"


def _format_count(measured: Sequence[WindowVerdict], fire: Fire, *, on: str) -> str:
    newest = measured[-fire.n :]
    count = sum(one.action == on for one in newest)
    if len(newest) == 1:
        return f"the newest window is {on}"
    return f"{count} of the last {len(newest)} windows {'is' if count == 1 else 'are'} {on}"
