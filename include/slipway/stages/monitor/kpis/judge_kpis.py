"""Judge the KPIs of a window by their limits; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.records.verdicts import Number, Verdict
from slipway.values.figures import in_figures

if TYPE_CHECKING:
    from slipway.spec.kpis import Kpi

BREACHED = "breached"


@dataclass(frozen=True)
class MeasuredKpi:
    """Number of a KPI in a window, and in the one before.

    Attributes:
        value: The number; None: it is missing.
        before: The number in the window before; None: it is missing, or not asked for.
        problem: Why the number cannot be computed; None: it can.
    """

    value: float | None = None
    before: float | None = None
    problem: str | None = None


def judge_kpis(kpis: Sequence[Kpi], measured: Mapping[str, MeasuredKpi]) -> Verdict:
    """Judge the KPIs of a window: `ok`, `breached` or `inconclusive`; pure.

    A breach outweighs a number that is missing, and that outweighs the numbers that hold.

    Args:
        kpis: KPIs with their limits.
        measured: Numbers by name.
    """
    breaches = [text for one in kpis for text in _breaches(one, measured[one.name])]
    gaps = [text for one in kpis if (text := _gap(one, measured[one.name])) is not None]
    numbers: dict[str, Number] = {}
    for one in kpis:
        numbers[f"kpi.{one.name}"] = measured[one.name].value
        if one.max_change is not None:
            numbers[f"kpi_before.{one.name}"] = measured[one.name].before
    if breaches:
        return Verdict(BREACHED, f"{'; '.join([*breaches, *gaps])}.", numbers)
    if gaps:
        return Verdict("inconclusive", f"{'; '.join(gaps)}.", numbers)
    held = ", ".join(f"{one.name} {_told(measured[one.name].value)}" for one in kpis)
    return Verdict("ok", f"Every KPI is within its limits: {held}.", numbers)


def _breaches(kpi: Kpi, found: MeasuredKpi) -> Iterator[str]:
    value = found.value
    if value is None:
        return
    if kpi.min is not None and value < kpi.min:
        yield f"{kpi.name} is {_told(value)}, below its least value {_told(kpi.min)}"
    if kpi.max is not None and value > kpi.max:
        yield f"{kpi.name} is {_told(value)}, above its greatest value {_told(kpi.max)}"
    if kpi.max_change is None or found.before is None:
        return
    if abs(value - found.before) > kpi.max_change * abs(found.before):
        yield (
            f"{kpi.name} is {_told(value)} and was {_told(found.before)} in the window before: it "
            f"changed by more than {kpi.max_change:.0%}"
        )


def _gap(kpi: Kpi, found: MeasuredKpi) -> str | None:
    """Why a KPI cannot be judged."""
    if found.problem is not None:
        return f"{kpi.name} cannot be computed: {found.problem}"
    if found.value is None:
        return f"{kpi.name} has no value in this window"
    if kpi.max_change is not None and found.before is None:
        return f"{kpi.name} has no value in the window before to compare with"
    return None


def _told(value: float | None) -> str:
    return "not known" if value is None else in_figures(value)
