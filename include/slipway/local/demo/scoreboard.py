"""Table and picture of the year: served AUC, never retrained, retrained every month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table


@dataclass(frozen=True)
class Month:
    """Figures of one month, by the labels that came later.

    Attributes:
        name: Year and month.
        rows: Predicted rows that have labels.
        versions: Versions that served.
        served: AUC of the served predictions.
        never: AUC of the first champion on the same rows.
        monthly: AUC of a model retrained on everything before the month, on the same rows.
        retrained: Why a retraining followed this month, or an empty text.
    """

    name: str
    rows: int
    versions: str
    served: float
    never: float
    monthly: float
    retrained: str


def as_table(months: Sequence[Month]) -> Table:
    """Return the year as a table, with means in the last row."""
    table = Table(title="AUC by month, on the same rows")
    for heading in ("month", "rows", "version"):
        table.add_column(heading)
    for heading in ("served", "never retrained", "retrained monthly"):
        table.add_column(heading, justify="right")
    table.add_column("what followed")
    for month in months:
        table.add_row(
            month.name,
            str(month.rows),
            month.versions,
            *(f"{value:.3f}" for value in (month.served, month.never, month.monthly)),
            month.retrained,
        )
    table.add_section()
    means = (_mean([getattr(m, name) for m in months]) for name in ("served", "never", "monthly"))
    table.add_row("mean", "", "", *(f"{value:.3f}" for value in means), "")
    return table


def draw(months: Sequence[Month], file: Path) -> None:
    """Draw the year as a PNG.

    Args:
        months: In order.
        file: Path of the PNG.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 4.5), layout="constrained")
    names = [month.name for month in months]
    axes.plot(names, [m.monthly for m in months], ":", color="#7a8ca3", label="retrained monthly")
    axes.plot(names, [m.never for m in months], "--", color="#c05746", label="never retrained")
    axes.plot(names, [m.served for m in months], "-o", color="#14425f", label="served by Slipway")
    for place, month in enumerate(months):
        if month.retrained:
            axes.axvline(place, color="#14425f", alpha=0.15, linewidth=6)
    axes.set_ylabel("AUC")
    axes.set_title("Flights of 2013: AUC of the answers, by month (bands: a retraining followed)")
    axes.tick_params(axis="x", rotation=45)
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(file, dpi=120)
    plt.close(figure)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
