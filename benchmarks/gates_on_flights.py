"""What each rule of a gate would have served in a year of flights, by months.

At the end of each month from March on a challenger is trained on all flights until then, by the
project's own spec and stages. The challengers are the same under every rule; which of them becomes
champion is the rule's, and the area under the ROC curve is that of the champion on the next month.
Every rule begins with the model of March.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from flights_year.ring import DATASET, FlightsRing
from harness import Effort, Ratio, run

from slipway.records.verdicts import Number
from slipway.spec.gates import Gates
from slipway.stages.model.labelled_rows import Snapshot, read_labelled
from slipway.stages.ports.package import Package
from slipway.stages.train.comparison import Comparison
from slipway.stages.train.gates import gate
from slipway.stages.train.training_stages import training_stages
from slipway.wiring.gate_tools import gate_tools

METRIC = "roc_auc"
FIRST = 3
"""Month at whose end the first model is trained."""

RULES: dict[str, dict[str, Any]] = {
    "always": {"compare": "point", "min_absolute_change": -1.0},
    "point": {"compare": "point", "min_absolute_change": 0.0},
    "better": {"compare": "better"},
    "not_worse": {"compare": "not_worse", "margin": 0.01},
    "expected": {"compare": "expected_gain", "prior": {"mean": 0.005, "deviation": 0.01}},
    "never": {"compare": "point", "min_absolute_change": 1.0},
}


@dataclass(frozen=True)
class Challenger:
    """A challenger of the end of a month.

    Attributes:
        month: Month.
        package: The trained model.
        pins: Rows that it was trained and held out from.
    """

    month: int
    package: Package
    pins: Snapshot


def measure_year(effort: Effort) -> Iterator[Ratio]:
    """Measure the year under every rule."""
    last = effort.pick(quick=6, full=12)
    with tempfile.TemporaryDirectory() as folder:
        year = _Year(Path(folder), holdout_days=effort.options.holdout_days)
        challengers = year.train_until(last)
        rows = year.labelled_rows(challengers[-1].pins)
        areas = {one.month: year.areas(one.package, rows) for one in challengers}
        for rule in RULES:
            served, told = year.play(rule, challengers, areas)
            if not effort.options.json:
                print("\n".join(told))
            mean = sum(served) / len(served)
            yield Ratio(f"{rule}_area", mean, f"mean area served in {len(served)} months")


class _Year:
    def __init__(self, folder: Path, *, holdout_days: int) -> None:
        def change(spec: dict[str, Any]) -> None:
            spec["training"]["holdout_days"] = holdout_days
            spec["gates"]["metrics"] = {METRIC: RULES["better"]}

        self.ring = FlightsRing(folder, change=change)
        self.spec, self.dataset = self.ring.spec, self.ring.dataset
        self._compared: dict[tuple[int, int], Mapping[str, Number]] = {}
        self.contest = Comparison(self.spec, self.dataset, self.ring.container.tables, gate_tools())

    def train_until(self, last: int) -> list[Challenger]:
        """Ingest month after month, and train at the end of each from the first on."""
        trained = []
        for month in range(1, last + 1):
            self.ring.ingest(month)
            if FIRST <= month < last:
                trained.append(self._train(month))
        return trained

    def _train(self, month: int) -> Challenger:
        given = self.ring.request(month)
        told = {
            stage: self.ring.run(stage, given, unique=f"month {month}")
            for stage in training_stages(self.spec)
        }
        pins = Snapshot.from_numbers(told["snapshot"].numbers)
        return Challenger(month, self.ring.package(told["train"], str(month)), pins)

    def labelled_rows(self, pins: Snapshot) -> pd.DataFrame:
        """Return all labelled rows, of the whole year."""
        return read_labelled(
            self.ring.container.tables,
            self.dataset,
            Snapshot(
                self.ring.container.tables.version(f"{DATASET}/features") or 0,
                self.ring.container.tables.version(f"{DATASET}/labels") or 0,
                pins.as_of.replace(year=pins.as_of.year + 1),
            ),
            columns=list(self.spec.features.names),
            target=self.spec.target,
        )

    def areas(self, package: Package, rows: pd.DataFrame) -> dict[int, float]:
        """Return the area of a model on each month."""
        months = rows[self.dataset.identity.time.column].dt.month
        found = {}
        for month, inside in rows.groupby(months):
            scores = package.predict(inside)
            value = self.contest.tools.measure(
                [METRIC], actual=inside[self.spec.target], scores=scores
            )[METRIC]
            found[int(str(month))] = float(value or 0.0)
        return found

    def _compare(self, one: Challenger, champion: Challenger) -> Mapping[str, Number]:
        """Compare two models, once for all rules."""
        pair = (one.month, champion.month)
        if pair not in self._compared:
            found = self.contest.compare(one.pins, one.package, champion.package, version=1)
            self._compared[pair] = found.numbers
        return self._compared[pair]

    def play(
        self, rule: str, challengers: list[Challenger], areas: Mapping[int, Mapping[int, float]]
    ) -> tuple[list[float], list[str]]:
        """Return the area served in each month, and a line for each decision."""
        gates = Gates.model_validate({"metrics": {METRIC: RULES[rule]}, "sanity": False})
        champion = challengers[0]
        served, told = [areas[champion.month][champion.month + 1]], []
        for one in challengers[1:]:
            verdict = gate(gates, self._compare(one, champion))
            told.append(f"{rule:>9} {one.month:>2} {verdict.action:<12} {verdict.reason}")
            champion = one if verdict.action == "promote" else champion
            served.append(areas[champion.month][one.month + 1])
        told.append(f"{rule:>9}    served: {', '.join(f'{area:.4f}' for area in served)}")
        return served, told


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the length of the holdout."""
    parser.add_argument("--holdout-days", type=int, default=28, help="days of each holdout")


if __name__ == "__main__":
    run("gates_on_flights", measure_year, add_options=add_options)
