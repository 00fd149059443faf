"""Build the Airflow DAGs of each valid spec in include/."""

from slipway.orchestration.project_dags import project_dags

globals().update(project_dags(__file__))
