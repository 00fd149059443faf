"""One stage about to run: its tools, its arguments, and who runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter
from slipway.records import requests
from slipway.records.run_context import RunContext
from slipway.spec import DatasetSpec, ModelSpec
from slipway.wiring.container import Container

if TYPE_CHECKING:
    from slipway.stages.rollout.platform import Platform


@dataclass(frozen=True)
class Call:
    """One stage about to run.

    Attributes:
        shop: Its tools.
        given: Its arguments.
        origin: Who runs it.
    """

    shop: Container
    given: Mapping[str, Any]
    origin: Mapping[str, Any]

    @property
    def context(self) -> RunContext:
        """The store, and who runs the stage."""
        return RunContext(self.shop.store, self.origin)

    def model_and_dataset(self) -> tuple[ModelSpec, DatasetSpec]:
        """Specs of the model that is asked for, and of its dataset."""
        model = self.shop.model(self.given["model"])
        return model, self.shop.dataset(model.dataset)

    @property
    def platform(self) -> Platform:
        """What serves the model that is asked for."""
        return self.shop.platform_for(self.shop.model(self.given["model"]))

    def request(self) -> requests.Request:
        """The retrain request that is worked on."""
        return requests.read_request(
            self.shop.store, self.given["model"], int(self.given["request"])
        )


@dataclass(frozen=True)
class Stage:
    """A stage that can be run by name.

    Attributes:
        run: Wires and runs it.
        needs: Arguments that have to be given.
        takes: Arguments that may be given as well.
    """

    run: Callable[[Call], Any]
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()

    def check(self, name: str, arguments: Mapping[str, Any]) -> None:
        """Make sure that the arguments are those that the stage takes.

        Raises:
            BadParameter: One is missing or unknown.
        """
        missing = [word for word in self.needs if arguments.get(word) in (None, "")]
        unknown = sorted(set(arguments) - {*self.needs, *self.takes})
        if missing or unknown:
            optional = "".join(f" [--{word} …]" for word in self.takes)
            raise BadParameter(
                f"stage {name!r} cannot run with these arguments",
                expected=" ".join(f"--{word} …" for word in self.needs) + optional,
                found=f"missing: {', '.join(missing) or 'none'}; "
                f"unknown: {', '.join(unknown) or 'none'}",
            )
