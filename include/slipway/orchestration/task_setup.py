"""Prepare the process of a task: settings from Airflow's connections, and checked parameters."""

from __future__ import annotations

import os
import socket
from typing import Any

from airflow.sdk import Context

from slipway.orchestration.airflow_connections import fill_environment
from slipway.orchestration.parameters import refuse_unknown


def set_up_task(context: Context) -> dict[str, Any]:
    """Fill in settings, check the run's parameters, and return the origin for records.

    Raises:
        BadParameter: The run has a parameter that its DAG does not declare.
    """
    fill_environment()
    dag, run = context["dag"], context["dag_run"]
    refuse_unknown(run.conf or {}, declared=dag.params, dag_id=dag.dag_id)
    instance = context["ti"]
    person = getattr(run, "triggering_user_name", None)
    return {
        "dag_id": dag.dag_id,
        "run_id": run.run_id,
        "task_id": instance.task_id,
        "map_index": -1 if instance.map_index is None else instance.map_index,
        "try_number": instance.try_number,
        "by": person or str(getattr(run.run_type, "value", run.run_type)),
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }
