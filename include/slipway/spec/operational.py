"""Spec of operational gates: limits of a candidate in the server that will serve it."""

from __future__ import annotations

from pydantic import Field, model_validator

from slipway.spec.base import Spec, SpecConflict


class Operational(Spec):
    """Limits that `verify` judges, of the candidate on its platform before it gets traffic.

    A roll-back records them without a limit.
    """

    max_p99_ms: float | None = Field(
        default=None,
        gt=0,
        description="99th percentile of the latency of one-row requests, over the replayed rows; "
        "takes the place of `deployment.verify.max_p99_ms`.",
    )
    min_rows_per_second: float | None = Field(
        default=None,
        gt=0,
        description="Rows that it answers in a second where all replayed rows are one request.",
    )
    max_memory_mib: float | None = Field(
        default=None,
        gt=0,
        description="Resident memory of its process after the replay; of a pod as its server "
        "tells it.",
    )
    max_size_mib: float | None = Field(
        default=None, gt=0, description="Files of the version, as the registry has them."
    )
    max_cold_start_s: float | None = Field(
        default=None,
        gt=0,
        description="Seconds until its server is ready, on a cluster with the pod's scheduling and "
        "the pull of its image; a server that runs already starts in none.",
    )

    @model_validator(mode="after")
    def _some(self) -> Operational:
        if not self.model_dump(exclude_none=True):
            raise SpecConflict("operational gates need a limit", field=("max_p99_ms",))
        return self
