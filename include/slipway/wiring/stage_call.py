"""One stage about to run: its tools, its arguments, and who runs it."""

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
        """The store, and who runs the stage."""
        return RunContext(self.container.store, self.origin)

    def model_and_dataset(self) -> tuple[ModelSpec, DatasetSpec]:
        """Specs of the model that is asked for, and of its dataset."""
        model = self.container.model(self.inputs["model"])
        return model, self.container.dataset(model.dataset)

    @property
    def platform(self) -> Platform:
        """What serves the model that is asked for."""
        return self.container.platform_for(self.container.model(self.inputs["model"]))

    def request(self) -> requests.Request:
        """The retrain request that is worked on."""
        return requests.read_request(
            self.container.store, self.inputs["model"], int(self.inputs["request"])
        )
