"""Judge what a candidate needs on its platform by the limits of its spec; pure."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.spec.deployment import Verify
from slipway.spec.operational import Operational
from slipway.stages.rollout.replay import ReplayResult

NO_LIMITS = Operational.model_construct()


def over_limits(measured: ReplayResult, bars: Verify, limits: Operational | None) -> Iterator[str]:
    """Yield each limit that the candidate breaks, or that cannot be judged.

    Args:
        measured: Its measurements.
        bars: Limits of every candidate.
        limits: Operational gates of the spec.
    """
    gates = limits or NO_LIMITS
    p99 = bars.max_p99_ms if gates.max_p99_ms is None else gates.max_p99_ms
    if measured.p99_ms > p99:
        yield f"its p99 is {measured.p99_ms:.0f} ms ({p99:.0f} are allowed)"
    rows = gates.min_rows_per_second
    if rows is not None and not measured.rows_per_second:
        yield "how many rows it answers in a second is not known"
    elif rows is not None and measured.rows_per_second < rows:
        yield f"it answers {measured.rows_per_second:,.0f} rows per second ({rows:,.0f} are needed)"
    yield from _over(measured.resident_mib, gates.max_memory_mib, "memory")
    yield from _over(measured.size_mib, gates.max_size_mib, "size")
    cold = gates.max_cold_start_s
    # 0 where its server ran already.
    if cold is not None and measured.cold_start_s > cold:
        yield f"it is ready after {measured.cold_start_s:.1f} s ({cold:g} are allowed)"


def _over(mib: float, limit: float | None, what: str) -> Iterator[str]:
    if limit is None:
        return
    if not mib:
        yield f"its {what} is not known"
    elif mib > limit:
        yield f"its {what} is {mib:,.1f} MiB ({limit:g} are allowed)"
