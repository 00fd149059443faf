"""Training runs, model versions and aliases in a plain folder, where no MLflow server runs."""

from slipway.adapters.experiment_folder.registry import FolderRegistry
from slipway.adapters.experiment_folder.tracking import FolderTracking

__all__ = ["FolderRegistry", "FolderTracking"]
