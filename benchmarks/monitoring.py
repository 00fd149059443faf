"""How often monitoring cries wolf, and what it finds, on made-up data whose truth is known.

Each table is a module of `monitoring_tables/`; all are measured by the product's own functions.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from harness import Effort, Ratio, run
from monitoring_tables import (
    canary,
    decay,
    decay_years,
    drift_alarms,
    drift_sequences,
    planted_drifts,
    quality,
)

TABLES = {
    "drift_alarms": drift_alarms.measure,
    "drift_sequences": drift_sequences.measure,
    "planted_drifts": planted_drifts.measure,
    "decay": decay.measure,
    "decay_years": decay_years.measure,
    "canary": canary.measure,
    "quality": quality.measure,
}
"""Functions by table; each prints its table and yields its ratios."""


def measure_tables(effort: Effort) -> Iterator[Ratio]:
    """Measure the tables that were asked for, all by default."""
    for name in effort.options.tables or TABLES:
        yield from TABLES[name](effort)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the number of seeds, and which tables are measured."""
    parser.add_argument("--seeds", type=int, help="made-up histories of each row of a table")
    parser.add_argument("--tables", nargs="+", choices=TABLES, help="tables to measure")


if __name__ == "__main__":
    run("monitoring", measure_tables, add_options=add_options)
