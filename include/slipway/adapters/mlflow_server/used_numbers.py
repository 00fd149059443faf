"""Use up version numbers of a registered model that was made anew.

MLflow gives a new version the greatest number of the registered model plus 1, those of deleted
versions included, and lets nobody choose. A number is therefore used up by a placeholder: a version
without model, digest and alias, which is deleted at once.
"""

from __future__ import annotations

import logging
from contextlib import suppress

from slipway.adapters.mlflow_server.api import MlflowApi
from slipway.errors import NotFound, RegistryUnavailable

PLACEHOLDER = "slipway.placeholder"
"""Tag of a version that only used up its number."""

PROGRESS_EVERY = 50

logger = logging.getLogger(__name__)


def use_up_numbers(api: MlflowApi, model: str, *, numbers: range, run_id: str) -> None:
    """Use up the numbers that MLflow gives next.

    Each takes two requests. A kill leaves one placeholder at most, which the next registration
    deletes.

    Args:
        api: MLflow server.
        model: Registered model.
        numbers: Numbers that it gives next.
        run_id: MLflow run to which the placeholders belong, as MLflow asks for.

    Raises:
        RegistryUnavailable: The server does not answer, or gives other numbers.
    """
    for expected in numbers:
        made = api.post(
            "model-versions/create",
            name=model,
            source=f"runs:/{run_id}/placeholder",
            run_id=run_id,
            tags=[{"key": PLACEHOLDER, "value": "yes"}],
        )
        number = int(made["model_version"]["version"])
        delete_version(api, model, number)
        if number < expected:
            raise RegistryUnavailable(
                f"MLflow does not go on with the numbers of {model}",
                expected=f"number {expected}",
                found=f"number {number}: the registered model was deleted again meanwhile",
                hint="a retry goes on",
            )
        if number >= numbers[-1]:
            return
        if number % PROGRESS_EVERY == 0:
            logger.info("number %s of %s is used up, up to %s", number, model, numbers[-1])


def delete_version(api: MlflowApi, model: str, version: int) -> None:
    """Delete a version, unless another attempt has done so; its number is not given again."""
    with suppress(NotFound):
        api.delete("model-versions/delete", name=model, version=str(version))
