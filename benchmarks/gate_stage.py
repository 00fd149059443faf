"""Wall time of the evaluation of a challenger beside a champion, with every gate on.

A champion learns from flights until some month, and a challenger some months later, whose holdout
is what came since. The stages that evaluate and judge run twice: with a threshold and a comparison
alone, and with every gate that a spec can have.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flights_year.ring import MODEL, FlightsRing
from harness import Effort, Ratio, run

from slipway.stages.model.aliases import CHAMPION
from slipway.stages.train.training_stages import training_stages

METRIC = {"roc_auc": {"threshold": 0.5, "compare": "not_worse", "margin": 0.05}}
EVERY_GATE: dict[str, Any] = {
    "metrics": {**METRIC, "brier_score": {"threshold": 0.5}, "log_loss": {"threshold": 2.0}},
    "anchor": {"max_loss": 0.5},
    "slices": {"columns": ["carrier", "origin", "distance_miles"], "max_loss": 0.5},
    "fairness": {
        "columns": ["carrier", "origin"],
        "intersections": True,
        "metrics": {"demographic_parity_difference": 1.0, "equalized_odds_difference": 1.0},
        "max_increase": None,
    },
    "explanations": {"rows": 500},
    "robustness": {"noise": 0.5, "missing": 0.1, "extremes": 0.01, "unseen": 0.05, "max_loss": 0.5},
    "behaviour": {
        "invariance": [{"column": "origin", "max_change": 1.0}],
        "direction": [{"column": "wind_mph", "by": 5.0, "score": "not_lower", "tolerance": 1.0}],
    },
}


def measure_gates(effort: Effort) -> Iterator[Ratio]:
    """Measure the two stages with few gates and with all of them."""
    months = (effort.pick(quick=3, full=5), effort.pick(quick=5, full=9))
    seconds = {}
    for name, gates in (("few", {"metrics": METRIC, "sanity": False}), ("every", EVERY_GATE)):
        with tempfile.TemporaryDirectory() as folder:
            seconds[name], rows = _seconds(Path(folder), gates, months)
    yield Ratio(
        "every_gate_over_few",
        seconds["every"] / seconds["few"],
        f"{seconds['every']:.1f} s with every gate, {seconds['few']:.1f} s with one comparison, "
        f"on {rows:,} rows beside a champion",
    )


def _seconds(folder: Path, gates: dict[str, Any], months: tuple[int, int]) -> tuple[float, int]:
    """Wall time of evaluate and gate, and the rows of the holdout."""
    first, last = months

    def change(spec: dict[str, Any]) -> None:
        spec["training"]["holdout_days"] = round(30.4 * (last - first)) - 2
        spec["training"]["min_rows"] = 1000
        spec["gates"] = {"min_holdout_rows": 2000, **gates}

    ring = FlightsRing(folder, change=change)
    for month in range(1, last + 1):
        ring.ingest(month)
        if month == first:
            _champion(ring, month)
    given, stages = ring.request(last), training_stages(ring.spec)
    told = {}
    for stage in stages[: stages.index("evaluate")]:
        told[stage] = ring.run(stage, given, unique="last")
    began = time.perf_counter()
    for stage in ("evaluate", "gate"):
        told[stage] = ring.run(stage, given, unique="last")
    seconds = time.perf_counter() - began
    return seconds, int(told["evaluate"].numbers["rows"])


def _champion(ring: FlightsRing, month: int) -> None:
    given = ring.request(month)
    for stage in (*training_stages(ring.spec), "answer"):
        ring.run(stage, given, unique="champion")
    ring.container.registry.set_alias(MODEL, CHAMPION, 1)


if __name__ == "__main__":
    run("gate_stage", measure_gates)
