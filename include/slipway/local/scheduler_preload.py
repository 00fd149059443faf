"""Import the tasks' libraries once, in the scheduler from which tasks are forked.

The LocalExecutor forks a task from a worker, and a worker from the scheduler. Otherwise each task
of a local installation imports its libraries anew, which takes longer than most stages.
Only imports: a library that is used before the fork may hang after it.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from slipway.settings import Settings
from slipway.spec.loading import load_all

MODULES = (
    "slipway.adapters.delta_tables",
    "slipway.adapters.drift_report",
    "slipway.adapters.expectations.suites",
    "slipway.adapters.platforms.local.platform",
    "slipway.adapters.metrics",
    "slipway.adapters.mlflow_server",
    "slipway.adapters.model_package.learner",
    "slipway.adapters.object_store",
    "slipway.adapters.prediction_log",
    "slipway.orchestration.build_dags",
    "slipway.wiring",
)
POD_MODULES = ("slipway.orchestration.pods.operator",)
"""Only where a spec runs in pods: Airflow's Kubernetes provider takes seconds to import."""

LOCAL_SETTINGS = """\
from slipway.local.scheduler_preload import preload

preload()
"""


def install(home: Path) -> None:
    """Make Airflow's components call `preload` at their start.

    Args:
        home: `AIRFLOW_HOME`; Airflow imports `config/airflow_local_settings.py` below it.
    """
    folder = home / "config"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "airflow_local_settings.py").write_text(LOCAL_SETTINGS)


def preload() -> None:
    """Import the tasks' libraries if this process is the scheduler."""
    if "scheduler" in sys.argv[1:]:
        loaded = load_all(Settings().project)
        runtimes = {model.runtime for model in loaded.models.values()}
        runtimes |= {dataset.runtime for dataset in loaded.datasets.values()}
        in_pods = "kubernetes" in runtimes
        for name in MODULES + (POD_MODULES if in_pods else ()):
            importlib.import_module(name)
