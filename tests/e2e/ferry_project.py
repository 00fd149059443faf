"""A small project for end-to-end tests: daily ferry crossings, and whether one will be late.

Lateness follows the wind until the current turns; after `TURN` it follows the opposite.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

ROWS_A_DAY = 400
FIRST_DAY = datetime(2024, 3, 1, tzinfo=UTC)

DATASET = """\
dataset: ferries
key: crossing
event_time: departs
arrival: {poll_seconds: 0.5, settle_seconds: 0.5, cron: "*/10 * * * *"}
streams:
  features:
    quarantine_max_share: 0.2
    columns:
      crossing: {type: string, nullable: false}
      departs: {type: timestamp, nullable: false}
      wind_knots: {type: number}
      cars: {type: number}
      pier: {type: string}
  labels:
    columns:
      crossing: {type: string, nullable: false}
      late: {type: integer, nullable: false}
"""
EXPECTATIONS = """\
features:
  - expect: expect_column_values_to_be_between
    kwargs: {column: wind_knots, min_value: 0, max_value: 200}
  - expect: expect_table_row_count_to_be_between
    kwargs: {min_value: 10}
labels:
  - expect: expect_column_values_to_be_in_set
    kwargs: {column: late, value_set: [0, 1]}
"""
MODEL = """\
model: ferry_delay
dataset: ferries
task: classification
target: late
features: {numeric: [wind_knots, cars], categorical: [pier]}
estimator: {name: sklearn.linear_model.LogisticRegression, params: {max_iter: 200}}
training: {window_days: 1, holdout_days: 1, min_rows: 200}
gates:
  min_holdout_rows: 100
  metrics: {roc_auc: {threshold: 0.6, compare: point, min_absolute_change: 0.0}}
deployment:
  cron: "*/10 * * * *"
  verify: {replay_rows: 20, max_p99_ms: 5000.0}
  shift: {steps: []}
monitoring:
  window: day
  min_rows: 100
  label_horizon_days: 0
  cron: "*/10 * * * *"
  performance: {metric: roc_auc, max_absolute_drop: 0.1}
  fire: {k: 1, n: 1}
retraining: {first_after_labels: 700, min_new_labels: 100, cooldown_days: 0, sweep: "*/10 * * * *"}
"""

BERTHS = """\
dataset: berths
key: row
event_time: arrival
arrival: {poll_seconds: 0.5, settle_seconds: 0.5, cron: "*/10 * * * *"}
streams:
  features:
    columns:
      wind_knots: {type: number}
      cars: {type: number}
      pier: {type: string}
  labels:
    from: features
    columns:
      late: {type: integer}
"""
BERTH_MODEL = (
    MODEL.replace("ferry_delay", "berth_delay")
    .replace("dataset: ferries", "dataset: berths")
    .replace("[wind_knots, cars]", "[wind_knots]")
    .replace("window_days: 1, holdout_days: 1, min_rows: 200", "split: random, min_rows: 200")
    .replace("min_holdout_rows: 100", "min_holdout_rows: 50")
    .replace("first_after_labels: 700", "first_after_labels: 300")
)
"""Learns from some of the columns alone: a request has the others for the sake of its key."""


def build(project: Path, *, source: Path) -> Path:
    """A project of one dataset and one model that shares the DAG files of this one."""
    for folder in ("dags", "plugins"):
        shutil.copytree(source / folder, project / folder, dirs_exist_ok=True)
    shutil.copy(source / "airflow_settings.yaml", project / "airflow_settings.yaml")
    write_specs(project)
    return project


def write_specs(project: Path) -> None:
    """Write the dataset and the model into a project."""
    write(project / "include/datasets/ferries/dataset.yaml", DATASET)
    write(project / "include/datasets/ferries/expectations.yaml", EXPECTATIONS)
    write(project / "include/models/ferry_delay/model.yaml", MODEL)


def write_berth_specs(project: Path) -> None:
    """Write a dataset without a key and an event time, and its model, into a project."""
    write(project / "include/datasets/berths/dataset.yaml", BERTHS)
    write(project / "include/datasets/berths/expectations.yaml", "features: []\nlabels: []\n")
    write(project / "include/models/berth_delay/model.yaml", BERTH_MODEL)


def berths_file(folder: Path, *numbers: int) -> Path:
    """Crossings of some days with their labels in one CSV, without a key and a time."""
    rows = pd.concat([day(number) for number in numbers])
    file = folder / "berths.csv"
    folder.mkdir(parents=True, exist_ok=True)
    rows.drop(columns=["crossing", "departs"]).to_csv(file, index=False)
    return file


def write(file: Path, text: str) -> None:
    """Write a file whose folder need not exist."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def day(number: int, *, turned: bool = False) -> pd.DataFrame:
    """One day's crossings with their labels, the same at every call.

    Args:
        number: Days after the first.
        turned: Whether lateness follows the opposite of the wind.
    """
    rng = np.random.default_rng(number)
    wind = rng.gamma(4.0, 5.0, ROWS_A_DAY)
    strength = (wind - 20.0) / 8.0 * (-1.0 if turned else 1.0)
    date = FIRST_DAY + timedelta(days=number)
    return pd.DataFrame(
        {
            "crossing": [f"{date:%Y-%m-%d}-{row:04d}" for row in range(ROWS_A_DAY)],
            "departs": pd.date_range(date, periods=ROWS_A_DAY, freq="3min"),
            "wind_knots": wind,
            "cars": rng.integers(0, 120, ROWS_A_DAY).astype(float),
            "pier": rng.choice(["north", "south", "west"], ROWS_A_DAY),
            "late": (rng.random(ROWS_A_DAY) < 1.0 / (1.0 + np.exp(-strength))).astype(int),
        }
    )


def features_file(folder: Path, number: int, *, turned: bool = False) -> Path:
    """One day's features as a Parquet delivery."""
    rows = day(number, turned=turned)
    file = folder / f"{rows['departs'].iloc[0]:%Y-%m-%d}.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    rows.drop(columns="late").to_parquet(file, index=False)
    return file


def labels_file(folder: Path, number: int, *, turned: bool = False) -> Path:
    """One day's labels as a CSV delivery."""
    rows = day(number, turned=turned)
    file = folder / f"{rows['departs'].iloc[0]:%Y-%m-%d}.csv"
    folder.mkdir(parents=True, exist_ok=True)
    rows[["crossing", "late"]].to_csv(file, index=False)
    return file
