"""Find the version of a window that is to be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.errors import NotFound

if TYPE_CHECKING:
    from slipway.stages.ports.registry import ModelVersion, Registry


def watched_version(model: str, version: int, *, registry: Registry) -> ModelVersion:
    """Return the version of a window.

    Raises:
        NotFound: The registry lost it, so its window cannot be measured.
        RegistryUnavailable: The registry does not answer.
    """
    try:
        return registry.version(model, version)
    except NotFound as error:
        raise NotFound(
            f"a window of version {version} of {model} cannot be measured: the version is lost",
            expected=f"version {version} of {model} in MLflow, with its reference and metrics",
            found=error.found or error.message,
            hint=f"`slipway why {model}` tells what is left; windows of the next champion are "
            "measured",
        ) from error
