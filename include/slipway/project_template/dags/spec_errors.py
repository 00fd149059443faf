"""Raise all problems of specs as one import error, which Airflow's UI shows in its banner.

Airflow shows one import error per DAG file; the DAGs of valid specs are in the other file.
"""

from slipway.orchestration.project_dags import raise_spec_errors

raise_spec_errors(__file__)
