"""Limits that a spec sets for measured figures, in words, by the names of the figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.spec.metrics import METRICS
from slipway.spec.operational import Operational
from slipway.stages.gates.gate_numbers import finite
from slipway.stages.model.aliases import CHALLENGER
from slipway.values.figures import in_few_digits


def limits_of(gates: Gates | None, numbers: Mapping[str, Number]) -> dict[str, str]:
    """Return the limits of a spec by the figure that each of them is for.

    Args:
        gates: Gates of the spec; None: not recorded.
        numbers: Numbers of evaluation or gates.
    """
    if gates is None:
        return {}
    return dict([*_sanity(gates), *_robustness(gates, numbers), *_operational(gates.operational)])


def _sanity(gates: Gates) -> Iterator[tuple[str, str]]:
    sanity = gates.sanity
    if sanity.single_feature is not False:
        yield "single_feature", f"below {sanity.single_feature:.2%}, unless the model is far better"
    if sanity.renamed_label is not False:
        yield "renamed_label", f"below {sanity.renamed_label:.2%}"
    if sanity.duplicates is not False:
        yield "duplicates.share", f"at most {sanity.duplicates:.0%} above chance"


def _robustness(gates: Gates, numbers: Mapping[str, Number]) -> Iterator[tuple[str, str]]:
    asked, metric = gates.robustness, next(iter(gates.metrics))
    if asked is None:
        return
    own = finite(numbers.get(f"{CHALLENGER}.{metric}"))
    for kind in asked.asked:
        if asked.max_drop is not None and own is not None:
            greater = METRICS[metric].greater_is_better
            bar = own - asked.max_drop if greater else own + asked.max_drop
            side = "least" if greater else "most"
            told = f"at {side} {in_few_digits(bar)} (max_drop {asked.max_drop:g})"
            yield f"robustness.{kind}.value", told
        yield f"robustness.{kind}.gain.upper", f"at least {-asked.max_loss:g}"


def _operational(limits: Operational | None) -> Iterator[tuple[str, str]]:
    if limits is None:
        return
    for name, figure in (
        ("max_p99_ms", "p99_ms"),
        ("max_memory_mib", "resident_mib"),
        ("max_size_mib", "size_mib"),
        ("max_cold_start_s", "cold_start_s"),
    ):
        if (most := getattr(limits, name)) is not None:
            yield figure, f"at most {most:g}"
    if limits.min_rows_per_second is not None:
        yield "rows_per_second", f"at least {limits.min_rows_per_second:g}"
