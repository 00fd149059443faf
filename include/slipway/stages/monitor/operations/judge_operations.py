"""Judge the operations of a window by their limits and by earlier windows; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slipway.records.verdicts import Number, Verdict
from slipway.stages.monitor.operations.operation_figures import FEWEST, Figures
from slipway.stages.monitor.quality.check import FEWEST_EARLIER

if TYPE_CHECKING:
    from slipway.spec.operations import Operations

DEGRADED = "degraded"


@dataclass(frozen=True)
class Rule:
    """How one figure is judged.

    Attributes:
        figure: Its name.
        limit: Field of the spec with its limit.
        words: The figure in words.
        unit: Formats the figure and its limit.
        margin: Least difference from earlier windows that counts; None: not compared with them.
        is_least: Whether the limit is the least value, rather than the greatest.
    """

    figure: str
    limit: str
    words: str
    unit: Callable[[float], str]
    margin: float | None = None
    is_least: bool = False


def _share(value: float) -> str:
    return f"{value:.2%}"


RULES = (
    Rule("availability", "min_availability", "it was ready {} of the time", _share, is_least=True),
    Rule("error_rate", "max_error_rate", "{} of requests failed", _share, 0.01),
    Rule("p99_ms", "max_p99_ms", "99 of 100 answers took up to {}", "{:,.0f} ms".format, 10.0),
    Rule("restarts", "max_restarts", "its server was restarted {}", "{:,.0f} times".format),
    Rule(
        "unshipped_seconds",
        "max_unshipped_seconds",
        "predictions waited up to {} for the store",
        "{:,.0f} s".format,
    ),
    Rule("refused_rate", "max_refused_rate", "{} of requests had no valid token", _share, 0.01),
    Rule("malformed_rate", "max_malformed_rate", "{} of requests were malformed", _share, 0.01),
    Rule(
        "out_of_range_rate",
        "max_out_of_range_rate",
        "{} of rows had values that training never saw",
        _share,
        0.05,
    ),
    Rule(
        "burst", "max_burst", "the largest minute had {} the usual requests", "{:.1f} times".format
    ),
)


def judge_operations(
    limits: Operations, figures: Figures, *, earlier: Sequence[Mapping[str, Number]] = ()
) -> Verdict:
    """Judge the operations of a window: `ok`, `degraded` or `inconclusive`; pure.

    A breach outweighs what is missing, and that outweighs what holds.

    Args:
        limits: Limits of the spec.
        figures: Figures of the window.
        earlier: Numbers of the version's earlier windows.
    """
    breaches = [text for rule in RULES for text in _breaches(rule, limits, figures, earlier)]
    gaps = [*_gaps_of_window(limits, figures), *_gaps_of_limits(limits, figures)]
    action = DEGRADED if breaches else "inconclusive" if gaps else "ok"
    head = "; ".join([*breaches, *gaps]) or "operations are within their limits"
    parts = [_capital(head), *_volume(limits, figures, earlier), _observed(figures)]
    return Verdict(action, " ".join(f"{one}." for one in parts), figures.numbers())


def _breaches(
    rule: Rule, limits: Operations, figures: Figures, earlier: Sequence[Mapping[str, Number]]
) -> Iterator[str]:
    value: float | None = getattr(figures, rule.figure)
    limit: float | None = getattr(limits, rule.limit)
    if value is None:
        return
    text = f"{rule.words.format(rule.unit(value))}{_subject(rule, figures)}"
    if limit is not None and (value < limit if rule.is_least else value > limit):
        yield f"{text} (limit {rule.unit(limit)})"
        return
    usual = _usual(earlier, rule.figure)
    if rule.margin is None or limits.max_ratio is None or not usual:
        return
    most = max(usual)
    if value > max(limits.max_ratio * most, most + rule.margin):
        yield f"{text}, in earlier windows at most {rule.unit(most)}"


def _subject(rule: Rule, figures: Figures) -> str:
    if rule.figure == "out_of_range_rate" and figures.column:
        return f" of {figures.column}"
    if rule.figure == "burst" and figures.client:
        return f" of client {figures.client}"
    return ""


def _gaps_of_window(limits: Operations, figures: Figures) -> Iterator[str]:
    if figures.coverage < limits.min_coverage:
        yield (
            f"Prometheus knows {_share(figures.coverage)} of the window "
            f"({_share(limits.min_coverage)} are needed)"
        )
    elif figures.availability is None:
        yield "Prometheus has seen no server of the version"


def _gaps_of_limits(limits: Operations, figures: Figures) -> Iterator[str]:
    if figures.availability is None:
        return
    limited = (rule for rule in RULES if getattr(limits, rule.limit) is not None)
    unknown = [rule.figure for rule in limited if getattr(figures, rule.figure) is None]
    if unknown:
        yield (
            f"not known, or of fewer than {FEWEST} requests: {', '.join(unknown)} "
            f"({figures.requests:,} requests)"
        )


def _volume(
    limits: Operations, figures: Figures, earlier: Sequence[Mapping[str, Number]]
) -> Iterator[str]:
    """Requests out of the ordinary are reported alone: they follow the week and the season."""
    usual, rate = _usual(earlier, "requests_per_minute"), figures.requests_per_minute
    if limits.max_ratio is None or rate is None or not usual:
        return
    if not min(usual) / limits.max_ratio <= rate <= max(usual) * limits.max_ratio:
        span = f"{min(usual):,.1f} to {max(usual):,.1f}"
        yield f"To look at: {rate:,.1f} requests a minute, in earlier windows {span}"


def _observed(figures: Figures) -> str:
    rate = figures.requests_per_minute
    parts = [f"{figures.requests:,} requests" + ("" if rate is None else f", {rate:,.1f} a minute")]
    for rule in RULES:
        value = getattr(figures, rule.figure)
        if value is not None and rule.figure in {"availability", "error_rate", "p99_ms"}:
            parts.append(rule.words.format(rule.unit(value)))
    return f"Observed: {', '.join(parts)}; {_share(figures.coverage)} of the window are known"


def _usual(earlier: Sequence[Mapping[str, Number]], name: str) -> list[float]:
    """A figure of the earlier windows; empty where they are too few to tell what is usual."""
    found = [one.get(name) for one in earlier]
    values = [float(one) for one in found if isinstance(one, int | float)]
    return values if len(values) >= FEWEST_EARLIER else []


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
