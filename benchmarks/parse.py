"""Cost of the number of models at the start of a task, when Airflow parses its DAG file again.

Peer: the same DAG file without the parsing context, so that every DAG is built at each task start.
"""

from __future__ import annotations

import os
import runpy
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness import Effort, Ratio, best_seconds, run

DAG_FILE = Path(__file__).resolve().parents[1] / "dags" / "model_dags.py"
FLEETS = (1, 100)
CONTEXT = "_AIRFLOW_PARSING_CONTEXT_DAG_ID"

DATASET = """\
dataset: ferries
key: id
event_time: at
streams:
  features:
    columns:
      id: {type: string, nullable: false}
      at: {type: timestamp, nullable: false}
      distance: {type: number}
  labels:
    columns:
      id: {type: string, nullable: false}
      late: {type: integer}
"""
MODEL = """\
model: {name}
dataset: ferries
task: classification
target: late
features: {{numeric: [distance]}}
estimator: {{name: sklearn.linear_model.LogisticRegression}}
gates: {{metrics: {{roc_auc: {{threshold: 0.6}}}}}}
monitoring: {{performance: {{metric: roc_auc, max_absolute_drop: 0.05}}}}
"""


def write_fleet(root: Path, *, models: int) -> Path:
    """Write a project of one dataset and some models; return its folder."""
    specs = {f"models/m{number:04d}/model.yaml": MODEL for number in range(models)}
    for path, text in {"datasets/ferries/dataset.yaml": DATASET, **specs}.items():
        file = root / f"fleet-{models}" / "include" / path
        file.parent.mkdir(parents=True)
        file.write_text(text.format(name=file.parent.name) if text is MODEL else text)
    return root / f"fleet-{models}"


def parse(project: Path, *, starting: str | None) -> int:
    """Parse the DAG file as the processor or as a starting task; return the number of DAGs."""
    from airflow.sdk import DAG

    os.environ["SLIPWAY_PROJECT"] = str(project)
    os.environ.pop(CONTEXT, None)
    if starting is not None:
        os.environ[CONTEXT] = starting
    built = runpy.run_path(str(DAG_FILE))
    return len({value.dag_id for value in built.values() if isinstance(value, DAG)})


def measure(effort: Effort) -> Iterator[Ratio]:
    """Measure task starts among 1 and 100 models, with and without the parsing context."""
    repeats = effort.pick(quick=3, full=15)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIRFLOW_HOME"] = folder
        fleets = {models: write_fleet(Path(folder), models=models) for models in FLEETS}
        start: dict[int, float] = {}
        whole: dict[int, float] = {}
        for models, project in fleets.items():
            expected = (1, 1 + 3 * models)
            found = (parse(project, starting="m0000__train"), parse(project, starting=None))
            if found != expected:
                raise AssertionError(f"built {found} DAGs instead of {expected}")
            start[models] = best_seconds(
                lambda project=project: parse(project, starting="m0000__train"), repeats=repeats
            )
            whole[models] = best_seconds(
                lambda project=project: parse(project, starting=None), repeats=min(repeats, 5)
            )
    few, many = FLEETS
    yield Ratio(
        f"task_start_{many}_models_over_{few}",
        start[many] / start[few],
        f"parse at a task's start: {start[many]:.4f} s among {many}, {start[few]:.4f} s alone",
    )
    yield Ratio(
        f"without_context_over_with_{many}_models",
        whole[many] / start[many],
        f"the same start without the parsing context: {whole[many]:.3f} s",
    )
    yield Ratio(
        f"processor_parse_{many}_models_over_{few}",
        whole[many] / whole[few],
        f"the DAG processor's parse: {whole[many]:.3f} s for {many}, {whole[few]:.4f} s for {few}",
    )


if __name__ == "__main__":
    run("parse", measure)
