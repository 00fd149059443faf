"""Train the model that every server of the benchmark hosts: `flight_delay`, trained by Slipway.

One quarter of real flights, XGBoost of 100 trees; the requests hold rows of the month after.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.progress import Progress

from slipway.adapters.model_package import load_package
from slipway.adapters.model_package.learner import SklearnLearner
from slipway.local.sample_deliveries import make_sample
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.loading import load_dataset, load_model
from slipway.stages.model.manifest import MANIFEST, seal
from slipway.stages.model.onnx_form import ONNX
from slipway.stages.ports.package import ReferenceRows
from slipway.stages.rollout.v2_encode import encode_rows

INCLUDE = Path(__file__).resolve().parents[2] / "include"
TRAINING_MONTHS = ("2013-01", "2013-02", "2013-03")
REQUEST_MONTH = "2013-04"


@dataclass(frozen=True)
class Subject:
    """One model version and the rows of the requests.

    Attributes:
        model: Its name.
        folder: Folder of the version, as registered.
        plain: The same folder without the ONNX form, so that the pipeline scores.
        dataset: Spec of its dataset, with the names of key and event time.
        rows: Raw rows, of shape (n_rows, n_columns).
    """

    model: str
    folder: Path
    plain: Path
    dataset: DatasetSpec
    rows: pd.DataFrame

    @property
    def has_onnx(self) -> bool:
        """Whether the version holds an ONNX form, which passed its parity gate."""
        return (self.folder / ONNX).is_file()

    def expected(self) -> list[float]:
        """Return the offline score of each row."""
        return [float(score) for score in load_package(self.plain).predict(self.rows)]

    def v2_bodies(self) -> Iterator[str]:
        """Yield one V2 request per row, with its key and event time."""
        columns = load_package(self.plain).signature_columns
        for _, row in self._each():
            yield json.dumps(encode_rows(row, columns, identity=self.dataset.identity))

    def split_bodies(self) -> Iterator[str]:
        """Yield one MLflow request per row, in the orientation that MLflow parses fastest."""
        names = [one.name for one in load_package(self.plain).signature_columns]
        for _, row in self._each():
            data = json.loads(row[names].to_json(orient="values", double_precision=15))
            yield json.dumps({"dataframe_split": {"columns": names, "data": data}})

    def _each(self) -> Iterator[tuple[Any, pd.DataFrame]]:
        return ((number, self.rows.iloc[[number]]) for number in range(len(self.rows)))


def make(scratch: Path, *, rows: int) -> Subject:
    """Train the model and save it below a folder.

    Args:
        scratch: An empty folder.
        rows: Number of different rows in the requests.
    """
    dataset = load_dataset(INCLUDE / "datasets" / "flights")
    model = load_model(INCLUDE / "models" / "flight_delay")
    with Progress(disable=True) as quiet:
        make_sample(INCLUDE / "datasets" / "flights", scratch / "sample", progress=quiet)
    labelled = _labelled(scratch / "sample", TRAINING_MONTHS, key=dataset.identity.key.column)
    later = _labelled(scratch / "sample", [REQUEST_MONTH], key=dataset.identity.key.column)
    _save(scratch / "version", model, dataset, labelled)
    _without_onnx(scratch / "version", to=scratch / "plain")
    chosen = later.iloc[np.linspace(0, len(later) - 1, rows).astype(int)]
    return Subject(model.model, scratch / "version", scratch / "plain", dataset, chosen)


def _labelled(sample: Path, months: Any, *, key: str) -> pd.DataFrame:
    features = [pd.read_parquet(sample / "features" / f"{month}.parquet") for month in months]
    labels = [pd.read_csv(sample / "labels" / f"{month}.csv") for month in months]
    rows = pd.concat(features).merge(pd.concat(labels), on=key, validate="one_to_one")
    return rows.sort_values(["scheduled_departure", key], ignore_index=True)


def _save(folder: Path, model: ModelSpec, dataset: DatasetSpec, rows: pd.DataFrame) -> None:
    learned = SklearnLearner(model, dataset, None).learn(rows)
    sample = rows.iloc[::4]
    reference = ReferenceRows(
        features=sample[model.features.names],
        times=sample[dataset.identity.time.column],
        scores=learned.predict(sample),
        held_out=sample.index.to_numpy() >= len(rows) - 5_000,
    )
    learned.save(
        folder,
        facts={
            "model": model.model,
            "task": model.task,
            **dataset.identity.facts(),
            "as_of": rows[dataset.identity.time.column].max().isoformat(),
        },
        reference=reference,
    )


def _without_onnx(folder: Path, *, to: Path) -> None:
    shutil.copytree(folder, to)
    (to / ONNX).unlink(missing_ok=True)
    manifest = json.loads((to / MANIFEST).read_text())
    (to / MANIFEST).unlink()
    engine = {"name": "sklearn", "reason": "the benchmark compares engines", "parity": None}
    del manifest["files"]
    seal(to, manifest | {"engine": engine})
