"""Prometheus: the history of the servers' metrics, over its HTTP API."""

from __future__ import annotations

from slipway.adapters.prometheus.history import PrometheusHistory, open_history

__all__ = ["PrometheusHistory", "open_history"]
