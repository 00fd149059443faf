"""What the two files in a project's `dags/` call: its DAGs, and the problems of its specs."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from slipway.orchestration.build_dags import build_dags
from slipway.settings import Settings, find_project
from slipway.spec.loading import load_all, raise_problems


def project_dags(file: str) -> dict[str, DAG]:
    """Return the DAGs of each valid spec by id, or only the one that a starting task belongs to.

    Args:
        file: `__file__` of the DAG file: its project is that of `SLIPWAY_PROJECT`, or else the
            nearest folder above it with specs.
    """
    settings = _settings(file)
    starting = get_parsing_context().dag_id
    if starting is not None:
        # The task runs in this process, whatever its working directory is.
        os.environ["SLIPWAY_PROJECT"] = str(settings.project)
    return {dag.dag_id: dag for dag in build_dags(settings, starting=starting)}


def raise_spec_errors(file: str) -> None:
    """Raise all problems of a project's specs at once.

    Args:
        file: As for `project_dags`.

    Raises:
        SpecErrors: There is a problem.
    """
    raise_problems(load_all(_settings(file).project))


def _settings(file: str) -> Settings:
    own = Settings()
    is_named = "project" in own.model_fields_set
    return own if is_named else Settings(project=find_project(Path(file).parent))
