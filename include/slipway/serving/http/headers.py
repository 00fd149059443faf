"""Names of the headers that servers add to or read from requests and responses."""

from __future__ import annotations

REQUEST_ID = "x-request-id"
VERSION = "x-slipway-version"
EXPLAINED = "x-slipway-explained"
"""Of a response that has an explanation; its latency is not the model's."""
