"""The page inside the UI of Airflow."""
