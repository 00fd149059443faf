"""Airflow's side of Slipway: the only importer of Airflow.

Imported by `dags/` at parse time, by task processes, and (`landing_trigger`) by the triggerer.
Imports no machine-learning library; tasks call the stages through `slipway.wiring`.
"""
