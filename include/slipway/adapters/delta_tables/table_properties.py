"""Properties and storage options that every Delta table of a store has."""

from __future__ import annotations

TABLE_PROPERTIES: dict[str, str | None] = {
    # Statistics on every column: by default only the first 32 have them.
    "delta.dataSkippingNumIndexedCols": "-1",
    # A snapshot pins a version for good: by default its log entry goes after thirty days.
    "delta.enableExpiredLogCleanup": "false",
}
STORAGE_OPTIONS = {
    "AWS_CONDITIONAL_PUT": "etag",
    "connect_timeout": "5s",
    "timeout": "60s",
    "max_retries": "3",
    "retry_timeout": "30s",
}
"""Passed to deltalake for S3; `etag`: a commit is a conditional put, so two never both succeed."""
