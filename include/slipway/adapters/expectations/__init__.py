"""Expectations, evaluated by Great Expectations."""
