"""Spec of operations: limits of what Prometheus tells of a window; None: observed only."""

from __future__ import annotations

from pydantic import Field

from slipway.spec.base import Spec


class Operations(Spec):
    """Operations and security of the servers in a window; a breach trains nothing."""

    min_availability: float | None = Field(
        default=None, ge=0, le=1, description="Least share of the time that the version was ready."
    )
    max_error_rate: float | None = Field(
        default=None, ge=0, le=1, description="Greatest share of requests answered with a 5xx."
    )
    max_p99_ms: float | None = Field(
        default=None,
        gt=0,
        description="Greatest latency of 99 of 100 answers, as the upper bound of its bucket.",
    )
    max_restarts: int | None = Field(
        default=None, ge=0, description="Most restarts of the version's server."
    )
    max_unshipped_seconds: float | None = Field(
        default=None, gt=0, description="Greatest age of predictions that are not in the store."
    )
    max_refused_rate: float | None = Field(
        default=None, ge=0, le=1, description="Greatest share of requests without a valid token."
    )
    max_malformed_rate: float | None = Field(
        default=None, ge=0, le=1, description="Greatest share of requests answered with a 4xx."
    )
    max_out_of_range_rate: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Greatest share of rows with a value that training never saw, of any column.",
    )
    max_burst: float | None = Field(
        default=None,
        gt=1,
        description="How many times the requests of a usual minute the largest minute may have, "
        "of all clients or of one.",
    )
    max_ratio: float | None = Field(
        default=2.0,
        gt=1,
        description="How many times the most of the version's earlier windows a share or a latency "
        "may be; requests a minute beyond it are reported. Null: not compared.",
    )
    min_coverage: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Share of the window that Prometheus has to know; with less it is "
        "inconclusive.",
    )
