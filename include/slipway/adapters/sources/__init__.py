"""Sources of deliveries: one file for each row of `spec/sources.py`."""
