"""Call of one stage: its adapters, its inputs and its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records import requests
from slipway.records.run_context import RunContext
from slipway.spec import DatasetSpec, ModelSpec
from slipway.wiring.container import Container

if TYPE_CHECKING:
    from slipway.stages.rollout.platform import Platform


@dataclass(frozen=True)
class StageCall:
    """One stage about to run.

    Attributes:
        container: Adapters.
        inputs: Inputs of the stage.
        origin: Origin of the run: DAG, run, task, try, host and user.
    """

    container: Container
    inputs: Mapping[str, Any]
    origin: Mapping[str, Any]

    @property
    def context(self) -> RunContext:
        """Store of the installation, and origin of the run."""
        return RunContext(self.container.store, self.origin)

    def model_and_dataset(self) -> tuple[ModelSpec, DatasetSpec]:
        """Specs of the requested model and of its dataset."""
        model = self.container.model(self.inputs["model"])
        return model, self.container.dataset(model.dataset)

    @property
    def platform(self) -> Platform:
        """Platform of the requested model."""
        return self.container.platform_for(self.container.model(self.inputs["model"]))

    def request(self) -> requests.Request:
        """Retrain request in progress."""
        return requests.read_request(
            self.container.store, self.inputs["model"], int(self.inputs["request"])
        )
