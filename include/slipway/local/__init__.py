"""Slipway on one machine: MLflow, Airflow and the platform as processes on loopback."""
