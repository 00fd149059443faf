"""Data sources: what a delivery is read from; one file per kind of source."""
