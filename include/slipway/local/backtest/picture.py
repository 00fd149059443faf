"""Draw a backtest: the metric by window, and what each policy has saved since the first model."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import Any

from slipway.local.backtest.report import count_trainings
from slipway.stages.backtest.compare import Compared, PolicyFigures

COLOURS = ("#14425f", "#c05746", "#3f7d58", "#8a5a9e", "#b8860b", "#2a8fa8", "#7a8ca3", "#a23b72")
MARKS = "os^Dvp<>"
NEVER_COLOUR = "#9aa5b1"


def draw(compared: Compared, file: Path, *, metric: str, title: str) -> None:
    """Draw the policies as a PNG.

    Args:
        compared: Compared policies.
        file: Path of the PNG.
        metric: Metric of the model's monitoring.
        title: Title.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, (above, below) = plt.subplots(
        2, 1, figsize=(10, 7.5), sharex=True, layout="constrained", height_ratios=(3, 2)
    )
    names = [one.name for one in compared.windows]
    base = next((one for one in compared.figures if one.policy.rank == 0), compared.figures[0])
    for place, alike in enumerate(_alike(compared)):
        one = base if base in alike else alike[0]
        style = _style(one, place, is_base=one is base)
        label = f"{', '.join(other.policy.name for other in alike)} ({count_trainings(one)})"
        above.plot(names, one.values, label=label, **style)
        below.plot(names, _saved(one, base, compared), **style)
        _mark_promotions(above, one, compared, style)
    above.set_ylabel(metric)
    above.set_title(title)
    below.axhline(0, color=NEVER_COLOUR, linewidth=0.8)
    below.set_ylabel(f"loss saved per row\nsince the first window\n(against {base.policy.name})")
    below.tick_params(axis="x", rotation=45)
    for axes in (above, below):
        axes.grid(axis="y", alpha=0.3)
    above.legend(frameon=False, fontsize="small", ncols=2)
    figure.savefig(file, dpi=120)
    plt.close(figure)


def _alike(compared: Compared) -> list[list[PolicyFigures]]:
    """Policies by the line that they have in common: those of the same models."""
    found: dict[tuple[str, ...], list[PolicyFigures]] = {}
    for one in compared.figures:
        served = (one.policy.served[window.step] for window in compared.windows)
        found.setdefault((*served, str(one.trainings)), []).append(one)
    return list(found.values())


def _style(one: PolicyFigures, place: int, *, is_base: bool) -> dict[str, Any]:
    if is_base:
        return {"color": NEVER_COLOUR, "linestyle": "--", "marker": "", "linewidth": 2.0}
    is_best = one.behind.lower == one.behind.upper == 0
    return {
        "color": COLOURS[place % len(COLOURS)],
        "linestyle": "-",
        "marker": MARKS[place % len(MARKS)],
        "markersize": 4,
        "linewidth": 2.2 if is_best else 1.2,
        "alpha": 1.0 if is_best else 0.8,
    }


def _saved(one: PolicyFigures, base: PolicyFigures, compared: Compared) -> list[float]:
    """Loss that a policy has saved up to each window, per row of all windows."""
    rows = [window.rows for window in compared.windows]
    total = sum(rows)
    each = (
        count * (theirs - ours) / total
        for count, ours, theirs in zip(rows, one.losses, base.losses, strict=True)
    )
    return list(accumulate(each))


def _mark_promotions(
    axes: Any, one: PolicyFigures, compared: Compared, style: dict[str, Any]
) -> None:
    """Draw a ring around the first window of each model that took over."""
    places = {window.step: place for place, window in enumerate(compared.windows)}
    taken = [
        places[asked.step + 1]
        for asked in one.policy.trainings
        if asked.outcome == "promoted" and asked.step + 1 in places
    ]
    if taken:
        values = [one.values[place] for place in taken]
        names = [compared.windows[place].name for place in taken]
        axes.scatter(
            names, values, s=70, facecolors="none", edgecolors=style["color"], linewidths=1.2
        )
