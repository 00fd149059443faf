"""The MLflow server (REST over httpx): registry of model versions, and training runs.

Requests go to its public REST API, not through the `mlflow` package: importing that takes
every task some three seconds, this a few tenths.
"""

from slipway.adapters.mlflow_server.registry import MlflowRegistry
from slipway.adapters.mlflow_server.runs import MlflowRuns
from slipway.adapters.mlflow_server.tracking import MlflowTracking

__all__ = ["MlflowRegistry", "MlflowRuns", "MlflowTracking"]
