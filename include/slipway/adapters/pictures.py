"""Draw the charts of reports with matplotlib, as SVG whose bytes depend on the chart alone."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from slipway.stages.report.charts import AgainstDiagonal, Bars, Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLE: Any = {
    "svg.hashsalt": "slipway",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.usetex": False,
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
"""The salt makes the names of elements the same each time; texts stay texts."""

_COLOURS = ("#0b6e99", "#c9ced4")
_WIDTH, _SQUARE, _BAR_HEIGHT = 5.0, 3.4, 0.32
_LONGEST_LABEL = 40


def draw(chart: Chart) -> bytes:
    """Return a chart as SVG, without a date.

    Args:
        chart: What it shows.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        if isinstance(chart, Bars):
            figure.set_size_inches(_WIDTH, 0.8 + _BAR_HEIGHT * len(chart.labels))
            _bars(axes, chart)
        else:
            figure.set_size_inches(_SQUARE, _SQUARE)
            _against_diagonal(axes, chart)
        target, facts = BytesIO(), {"Date": None, "Creator": None, "Description": chart.alt}
        figure.savefig(target, format="svg", metadata=facts)
    return target.getvalue()


def _against_diagonal(axes: Axes, chart: AgainstDiagonal) -> None:
    axes.plot([0, 1], [0, 1], color=_COLOURS[1], linestyle="--", linewidth=1)
    found, wanted = ([one[place] for one in chart.points] for place in (0, 1))
    axes.plot(found, wanted, color=_COLOURS[0], linewidth=1)
    axes.scatter(found, wanted, s=[12 + 120 * one for one in chart.weights], color=_COLOURS[0])
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=chart.x_label, ylabel=chart.y_label)
    axes.set_aspect("equal")


def _bars(axes: Axes, chart: Bars) -> None:
    count = len(chart.series)
    height = 0.8 / max(1, count)
    for place, (name, lengths) in enumerate(chart.series.items()):
        offsets = [row - 0.4 + height * (place + 0.5) for row in range(len(chart.labels))]
        axes.barh(offsets, lengths, height=height, color=_COLOURS[place % 2], label=name)
    axes.set_yticks(range(len(chart.labels)), [_short(one) for one in chart.labels])
    axes.invert_yaxis()
    axes.set_xlabel(chart.x_label)
    if count > 1:
        axes.legend(frameon=False)


def _short(label: str) -> str:
    plain = " ".join(label.split())
    return plain if len(plain) <= _LONGEST_LABEL else f"{plain[: _LONGEST_LABEL - 1]}…"
