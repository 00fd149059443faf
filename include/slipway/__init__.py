"""Slipway launches machine-learning models from Airflow and keeps them seaworthy."""

__version__ = "0.1.0"
