"""Ingest: claim deliveries, validate them, publish their rows, acknowledge them."""
