"""Search for parameters with Optuna, and fit trials in several processes."""

from slipway.adapters.tuning.processes import open_processes
from slipway.adapters.tuning.study import StudyDatabase

__all__ = ["StudyDatabase", "open_processes"]
