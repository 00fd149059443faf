"""The only composition root: settings become adapters, and stages are given them."""

from slipway.wiring.arrival import acknowledge, claim
from slipway.wiring.monitoring import collect
from slipway.wiring.scoring import partitions
from slipway.wiring.stages import STAGES, run_stage
from slipway.wiring.workshop import Workshop

__all__ = ["STAGES", "Workshop", "acknowledge", "claim", "collect", "partitions", "run_stage"]
