"""A project whose deliveries hold unmistakable values of persons."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MODEL, DATASET = "trip_delay", "trips"
START = datetime(2024, 3, 1, tzinfo=UTC)
ROWS_A_DAY = 150

EMAILS = ("Rosalind.Quist@zq1.test", "Ottokar.Brahn@zq2.test", "Liv.Svanholm@zq3.test")
PHONES = (770_019_283_746_551, 770_056_473_829_102)
RARE = "Only.Once@zq4.test"
"""A person of one row."""

MARKS: Mapping[str, str | int] = {
    **{f"email {number}": one for number, one in enumerate((*EMAILS, RARE))},
    **{f"phone {number}": one for number, one in enumerate(PHONES)},
    "iban": "ZQ5500117742993315",
    "income": 8_675_309_421_177,
    "not a phone": "zq6-call-Tobias-Wend",
    "not an income": "zq7-ask-Tobias-Wend",
}
KEYS: Mapping[str, str | int] = {"key": "zq8passenger"}
"""Of what stands in the key, which the prediction log and the tables hold."""

DATASET_YAML = """\
dataset: trips
key: trip
event_time: departs
arrival: {poll_seconds: 0.5, settle_seconds: 0.5}
streams:
  features:
    quarantine_max_share: 0.2
    columns:
      trip: {type: string, nullable: false}
      departs: {type: timestamp, nullable: false}
      wind: {type: number}
      pier: {type: string}
      email: {type: string, pii: hash}
      phone: {type: integer, pii: drop}
      iban: {type: string, pii: drop}
      income: {type: number, pii: hash}
  labels:
    columns:
      trip: {type: string, nullable: false}
      late: {type: integer, nullable: false}
"""
EXPECTATIONS_YAML = """\
features:
  - expect: expect_column_values_to_match_regex
    kwargs: {column: email, regex: "@zq[123]"}
  - expect: expect_column_values_to_be_between
    kwargs: {column: income, min_value: 0, max_value: 1000}
    severity: warning
  - expect: expect_column_distinct_values_to_be_in_set
    kwargs: {column: iban, value_set: [none]}
    severity: warning
  - expect: expect_column_max_to_be_between
    kwargs: {column: phone, max_value: 1}
    severity: warning
labels: []
"""
MODEL_YAML = """\
model: trip_delay
dataset: trips
task: classification
target: late
features: {numeric: [wind], categorical: [pier, email, phone]}
estimator: {name: sklearn.linear_model.LogisticRegression, params: {max_iter: 200}}
training: {window_days: 2, holdout_days: 1, min_rows: 100}
gates:
  min_holdout_rows: 50
  min_blocks: 5
  blocks: hour
  metrics: {roc_auc: {threshold: 0.55}}
  slices: {columns: [email, phone, income], min_rows: 20}
  fairness: {columns: [email, phone], metrics: {demographic_parity_difference: 1}, min_rows: 20}
  explanations: {rows: 100, max_seconds: 5}
  robustness: {missing: 0.2, unseen: 0.2}
  behaviour: {invariance: [{column: email, max_change: 1}, {column: phone, max_change: 1}]}
deployment:
  explanations: true
  outlier_scores: true
  verify: {replay_rows: 40, max_p99_ms: 5000.0}
  shift: {steps: []}
monitoring:
  window: day
  min_rows: 50
  label_horizon_days: 0
  performance: {metric: roc_auc, max_absolute_drop: 0.5}
retraining: {first_after_labels: 50}
"""


def write_project(project: Path) -> None:
    """Write the specs."""
    texts = {
        f"datasets/{DATASET}/dataset.yaml": DATASET_YAML,
        f"datasets/{DATASET}/expectations.yaml": EXPECTATIONS_YAML,
        f"models/{MODEL}/model.yaml": MODEL_YAML,
    }
    for name, text in texts.items():
        file = project / "include" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def trips(day: int) -> pd.DataFrame:
    """Trips of a day with their labels; lateness follows wind and person."""
    random = np.random.default_rng(day)
    start = START + pd.Timedelta(days=day)
    wind = random.gamma(4.0, 5.0, ROWS_A_DAY)
    email = random.choice(EMAILS, ROWS_A_DAY)
    late = random.random(ROWS_A_DAY) < 1 / (1 + np.exp((20 - wind) / 4 + (email == EMAILS[0])))
    rows: dict[str, Any] = {
        "trip": [f"{KEYS['key']}-{day}-{row:04d}" for row in range(ROWS_A_DAY)],
        "departs": pd.date_range(start, periods=ROWS_A_DAY, freq="9min"),
        "wind": wind,
        "pier": random.choice(["north", "south"], ROWS_A_DAY),
        "email": email,
        "phone": random.choice(PHONES, ROWS_A_DAY),
        "iban": MARKS["iban"],
        "income": float(MARKS["income"]),
        "late": late.astype(int),
    }
    return pd.DataFrame(rows)


def deliveries(folder: Path, day: int) -> list[Path]:
    """Files of a day: features, some rows of which are bad, and labels."""
    rows = trips(day)
    features = rows.drop(columns="late").astype({"phone": object, "income": object})
    features.loc[3, "email"] = RARE
    features.loc[5, "phone"] = MARKS["not a phone"]
    features.loc[7, "income"] = MARKS["not an income"]
    paths = [folder / f"features-{day}.csv", folder / f"labels-{day}.csv"]
    folder.mkdir(parents=True, exist_ok=True)
    features.to_csv(paths[0], index=False)
    rows[["trip", "late"]].to_csv(paths[1], index=False)
    return paths
