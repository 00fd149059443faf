"""Hands in MLflow: what a person can do there, by the words of a script's steps."""

from __future__ import annotations

from typing import Protocol

from slipway.stages.ports.registry import Registry


class Hands(Protocol):
    """Changes that a person makes in MLflow."""

    def delete_version(self, version: int) -> None:
        """Delete a version with its aliases."""

    def delete_model(self) -> None:
        """Delete the registered model."""

    def versions(self) -> list[int]:
        """Numbers of the versions that there are, rising."""


def edit(do: str, what: str, *, model: str, hands: Hands, registry: Registry) -> None:
    """Make the change of a step, if there is something to change.

    Args:
        do: Kind of the step.
        what: Its alias, or which version.
        model: Name of the model.
        hands: A person in MLflow.
        registry: Aliases of versions.
    """
    if do == "delete model":
        hands.delete_model()
    elif do == "delete version":
        found = registry.alias(model, what)
        if found is not None:
            hands.delete_version(found.version)
    elif do == "delete alias":
        if registry.alias(model, what) is not None:
            registry.delete_alias(model, what)
    elif known := hands.versions():
        registry.set_alias(model, "champion", known[0] if what == "oldest" else known[-1])
