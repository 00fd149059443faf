"""Observe what the cluster does for a model: live state, conditions, metrics."""
