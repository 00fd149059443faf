"""Seconds of `slipway new` and `slipway try` on one file, from the command to its end.

The peer is what a notebook does with the same file, in a process of its own: read it, fit the same
estimator on one-hot encoded columns, and score the rows that are held out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import Effort, Ratio, run

NUMBERS, WORDS = 13, 4
"""With key, event time and target these are 20 columns."""

ALONE = """
import sys
import pandas, sklearn.metrics, xgboost, yaml
file, spec = sys.argv[1], yaml.safe_load(open(sys.argv[2]))
rows = pandas.read_csv(file, parse_dates=["sold_at"]).sort_values("sold_at")
chosen = spec["features"]
features = pandas.get_dummies(rows[chosen["numeric"] + chosen["categorical"]], dtype=float)
held_out = len(rows) // 5
model = xgboost.XGBClassifier(**spec["estimator"]["params"], n_jobs=1)
model.fit(features[:-held_out], rows["returned"][:-held_out])
scores = model.predict_proba(features[-held_out:])[:, 1]
print(sklearn.metrics.roc_auc_score(rows["returned"][-held_out:], scores))
"""


@dataclass(frozen=True)
class Took:
    """What a command took.

    Attributes:
        wall: Seconds from its start to its end.
        processor: Seconds of processor time, of its own processes too.
        peak_mib: Peak memory of its greatest process.
    """

    wall: float
    processor: float
    peak_mib: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.processor:.1f} s of processor time)"


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure one size."""
    rows = effort.pick(quick=20_000, full=100_000)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.csv"
        write_orders(file, rows=rows)
        project = Path(folder) / "project"
        environment = {**os.environ, "SLIPWAY_PROJECT": str(project)}
        slipway("init", str(project), environment=environment)
        new = slipway("new", str(file), "--target", "returned", "--yes", environment=environment)
        tried = slipway("try", "orders_returned", str(file), environment=environment)
        spec = project / "include" / "models" / "orders_returned" / "model.yaml"
        alone = took([sys.executable, "-c", ALONE, str(file), str(spec)], environment)
    size = f"{rows:,} rows by {NUMBERS + WORDS + 3} columns"
    yield Ratio("new_over_notebook", new.wall / alone.wall, f"{size}: new {new}, notebook {alone}")
    yield Ratio(
        "try_over_notebook", tried.wall / alone.wall, f"{size}: try {tried}, notebook {alone}"
    )
    yield Ratio("try_peak_mib", tried.peak_mib, f"{size}: peak of the process, imports included")


def write_orders(file: Path, *, rows: int) -> None:
    """Write made-up orders of a year, the same at every call."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(14)
    values = random.normal(10.0, 3.0, (rows, NUMBERS)).round(3)
    values[random.random(values.shape) < 0.02] = np.nan  # noqa: PLR2004 - some are missing
    seconds = np.sort(random.integers(0, 365 * 86_400, rows))
    frame = pd.DataFrame(
        {
            "order_id": [f"o{number:08d}" for number in range(rows)],
            "sold_at": pd.Timestamp("2024-01-01") + pd.to_timedelta(seconds, unit="s"),
            **{f"measure_{number}": values[:, number] for number in range(NUMBERS)},
            **{
                f"kind_{number}": random.choice([f"k{one}" for one in range(5 + 5 * number)], rows)
                for number in range(WORDS)
            },
        }
    )
    risk = np.nan_to_num(values[:, 0] - 10.0) + (frame["kind_0"] == "k1") * 3.0 - 2.0
    frame["returned"] = (random.random(rows) < 1.0 / (1.0 + np.exp(-risk))).astype(int)
    frame.to_csv(file, index=False)


def slipway(*words: str, environment: Mapping[str, str]) -> Took:
    """Run a command of Slipway."""
    return took([sys.executable, "-m", "slipway.cli", *words], environment)


def took(command: list[str], environment: Mapping[str, str]) -> Took:
    """Run a command to its good end; what it took."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        if status:
            output.seek(0)
            raise SystemExit(f"{command[1:4]} failed\n{output.read()[-2000:].decode()}")
    return Took(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


if __name__ == "__main__":
    run("trial", measure)
