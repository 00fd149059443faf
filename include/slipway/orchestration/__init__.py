"""Airflow's side of Slipway: the only importer of Airflow.

Read at parse time by `dags/`, in task processes, and (`bell`) in the triggerer.
Nothing here imports a machine-learning library; tasks reach the stages through `slipway.wiring`.
"""
