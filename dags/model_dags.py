"""Build the Airflow DAGs of each valid spec."""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from slipway.orchestration.build_dags import build_dags
from slipway.settings import Settings

for dag in build_dags(Settings(), starting=get_parsing_context().dag_id):
    globals()[dag.dag_id] = dag
