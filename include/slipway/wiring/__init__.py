"""The composition root: make adapters from settings, and pass them to stages."""

from slipway.wiring.container import Container
from slipway.wiring.ingest import acknowledge, claim
from slipway.wiring.leases import give_lease_back, lease_holder
from slipway.wiring.monitor import collect
from slipway.wiring.score import partitions
from slipway.wiring.stage_table import STAGES, run_stage

__all__ = [
    "STAGES",
    "Container",
    "acknowledge",
    "claim",
    "collect",
    "give_lease_back",
    "lease_holder",
    "partitions",
    "run_stage",
]
