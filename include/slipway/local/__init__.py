"""One machine's own Slipway: MLflow, Airflow and the platform as plain processes on loopback."""
