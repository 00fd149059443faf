"""The only composition root: settings become adapters, and stages are given them."""

from slipway.wiring.stages import STAGES, acknowledge, claim, collect, run_stage
from slipway.wiring.workshop import Workshop

__all__ = ["STAGES", "Workshop", "acknowledge", "claim", "collect", "run_stage"]
