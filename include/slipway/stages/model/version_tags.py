"""Tags of model versions and training runs in MLflow: each name once."""

from __future__ import annotations

TAG_PREFIX = "slipway."

RUN_KEY = "slipway.run_key"
"""Training run, as `<model>/<run>`; an attempt's number is not part of it."""

ATTEMPT = "slipway.attempt"
REQUEST = "slipway.request"
REASON = "slipway.reason"

DIGEST = "slipway.digest"
"""SHA-256 of the version's manifest, which holds the digests of its other files."""

SIGNED_BY = "slipway.signed_by"
"""Id of the key that signed the version; the signature itself lies beside its files."""

GATE = "slipway.gate"
COMPARED_WITH = "slipway.compared_with"
"""`version <n>` of the champion, or `constant`, that the gates compared the version with."""

TRAINING_END = "slipway.training_end"
SNAPSHOT = "slipway.snapshot"

SHIP = "slipway.ship"
"""`refit` of a version whose figures are those of the judged model; absent from others."""

METRIC_PREFIX = "slipway.metric."

SOURCE_PREFIX = "slipway.source."
"""Of a version imported from another environment."""
