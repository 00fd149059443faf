"""Sections of a backtest's report, and the words for its picture."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.stages.backtest.compare import Compared, PolicyFigures
from slipway.stages.backtest.recommend import Recommendation
from slipway.stages.report.blocks import Section, Table
from slipway.values.figures import in_figures, in_signed_figures

MOST_COLUMNS = 8
"""Policies in the table of windows; further ones stand in the JSON."""

HOW_TO_READ = """\
Loss is what the metric lacks to 1, or the metric itself where less is better.
Intervals of 95 % are of paired differences on the same rows, by blocks.
A period is predicted by the champion of its beginning.
No servers are played: what passes its gates serves from the next period on.\
""".splitlines()


def sections_of(
    compared: Compared, advice: Recommendation, *, metric: str, source: str, labels: str
) -> list[Section]:
    """Return the sections of a report.

    Args:
        compared: Compared policies.
        advice: Recommendation.
        metric: Metric of the model's monitoring.
        source: Where the history is from, in words.
        labels: When labels were taken to be known, in words.
    """
    windows = compared.windows
    rows = sum(one.rows for one in windows)
    span = windows[0].name if len(windows) == 1 else f"{windows[0].name} to {windows[-1].name}"
    lines = [
        f"{rows:,} labelled predictions in {len(windows)} windows, {span}, from {source}.",
        f"Labels are known {labels}, and after the period of their event at the earliest.",
        *HOW_TO_READ,
    ]
    return [
        Section(f"Policies by {metric}", lines, _policies(compared, metric)),
        Section(f"{metric} by window", table=_windows(compared)),
        Section("Trainings", table=_trainings(compared)),
        Section(f"Recommended: {advice.name}", advice.reasons),
    ]


def count_trainings(one: PolicyFigures) -> str:
    """Return how often a policy has trained, in words."""
    return f"{one.trainings} training{'' if one.trainings == 1 else 's'}"


def describe_picture(compared: Compared, *, metric: str) -> str:
    """Return the text that stands for the picture."""
    best = compared.of(compared.best)
    told = "; ".join(
        f"{one.policy.name} {in_figures(_mean(one.values))} after {count_trainings(one)}"
        for one in sorted(compared.figures, key=lambda one: one.loss)
    )
    return (
        f"{metric} by window for {len(compared.figures)} policies, and the loss that each has "
        f"saved since the first model, with marks where a challenger took over. Means: {told}. "
        f"{best.policy.name} loses least."
    )


def _policies(compared: Compared, metric: str) -> Table:
    head = (
        *("policy", f"mean {metric}", "loss", "behind the best (95 %)", "trainings"),
        *("rejected", "suppressed", "false alarms", "days worse", "fits", "retrains"),
    )
    ordered = sorted(compared.figures, key=lambda one: (one.loss, one.policy.rank))
    return Table(head, [_row(one) for one in ordered])


def _row(one: PolicyFigures) -> list[str]:
    behind = one.behind
    between = f"{in_signed_figures(behind.lower)} to {in_signed_figures(behind.upper)}"
    is_same = behind.lower == behind.upper == 0
    return [
        one.policy.name,
        in_figures(_mean(one.values)),
        in_figures(one.loss),
        "-" if is_same else f"{in_signed_figures(behind.value)} ({between})",
        str(one.trainings),
        str(one.rejections),
        str(one.suppressed),
        f"{one.false_alarms} of {one.judged}" if one.judged else "-",
        f"{one.days_worse:.0f}",
        f"{one.policy.fit_seconds:.1f} s",
        one.policy.about,
    ]


def _windows(compared: Compared) -> Table:
    shown = compared.figures[:MOST_COLUMNS]
    rows = [
        [window.name, f"{window.rows:,}", *(in_figures(one.values[place]) for one in shown)]
        for place, window in enumerate(compared.windows)
    ]
    return Table(("window", "rows", *(one.policy.name for one in shown)), rows)


def _trainings(compared: Compared) -> Table:
    rows = [
        [one.policy.name, asked.after, asked.kind, asked.outcome, asked.told]
        for one in compared.figures[:MOST_COLUMNS]
        for asked in one.policy.trainings
    ]
    return Table(("policy", "after", "kind", "outcome", "reason"), rows)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
