"""Open the MLflow server of an installation, with its login."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowRuns, MlflowTracking
from slipway.settings import Settings, revealed

if TYPE_CHECKING:
    from slipway.stages.ports.signatures import Verifier


def open_registry(
    settings: Settings, *, answer_within_s: float | None, verifier: Verifier | None
) -> MlflowRegistry:
    """Return the registry of model versions.

    Args:
        settings: Settings of the installation.
        answer_within_s: Time limit of its answers; None: the adapter's.
        verifier: Public keys that are trusted; None: signatures are not required.
    """
    return MlflowRegistry(
        settings.with_userinfo("mlflow"),
        token=revealed(settings.mlflow_token),
        answer_within_s=answer_within_s,
        verifier=verifier,
    )


def open_tracking(settings: Settings) -> MlflowTracking:
    """Return the tracking of training runs."""
    return MlflowTracking(settings.with_userinfo("mlflow"), token=revealed(settings.mlflow_token))


def open_runs(settings: Settings) -> MlflowRuns:
    """Return the runs that versions are copied with."""
    return MlflowRuns(settings.with_userinfo("mlflow"), token=revealed(settings.mlflow_token))
