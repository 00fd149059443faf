"""Find the specs of a model: the present ones, else the last valid ones that the store keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from slipway.errors import BadParameter, PlatformUnavailable, SpecError, Tampered
from slipway.records import ledger
from slipway.records.kept_specs import kept_specs, models_with_specs

if TYPE_CHECKING:
    from slipway.records.kept_specs import KeptSpecs
    from slipway.spec import DatasetSpec, ModelSpec
    from slipway.spec.dataset import StreamName
    from slipway.stages.rollout.platform import Served, ServedReader
    from slipway.wiring.container import Container


@dataclass(frozen=True)
class FoundSpecs:
    """Specs of a model, as far as they are known.

    Attributes:
        name: Name of the model.
        model: Its spec; None: neither the present one is valid, nor is an earlier one kept.
        dataset: Spec of its dataset; None likewise.
        problem: Why the present specs cannot be used; None when they can.
        is_kept: Whether the model's spec is the kept one.
    """

    name: str
    model: ModelSpec | None
    dataset: DatasetSpec | None
    problem: BadParameter | SpecError | None = None
    is_kept: bool = False

    @property
    def valid(self) -> Literal["both", "model", "none"]:
        """Which of the present specs are valid."""
        if self.problem is None:
            return "both"
        return "none" if self.is_kept or self.model is None else "model"

    @property
    def problem_text(self) -> str | None:
        """The problem in words."""
        return None if self.problem is None else str(self.problem)

    @property
    def warning(self) -> str | None:
        """The problem, and what is used instead; None without a problem."""
        if self.problem is None:
            return None
        kept = (
            f"the specs of the last rollout of {self.name} are used"
            if self.dataset
            else f"no valid specs of {self.name} were kept"
        )
        return f"{self.problem}\n  {kept}"


def find_specs(container: Container, name: str) -> FoundSpecs:
    """Find the specs of a model and its dataset.

    Args:
        container: Project and store.
        name: Name of the model.

    Raises:
        StoreUnavailable: The present specs are invalid, and the store does not answer.
    """
    model: ModelSpec | None = None
    try:
        model = container.model(name)
        return FoundSpecs(name, model, container.dataset(model.dataset))
    except (BadParameter, SpecError) as error:
        problem = error
    kept = _kept(container, name)
    if kept is None:
        return FoundSpecs(name, model, None, problem)
    found = model or kept.model
    return FoundSpecs(name, found, kept.dataset, problem, is_kept=model is None)


def reader_for(container: Container, specs: FoundSpecs) -> ServedReader:
    """Return what reads the served traffic of a model, also when its target is not known."""
    if specs.model is None:
        return _UnknownTarget()
    try:
        return container.platform_for(specs.model)
    except BadParameter as error:
        return _UnknownTarget(error.message)


def is_known(container: Container, specs: FoundSpecs) -> bool:
    """Return whether a model has specs or a folder, or left something in the store."""
    name = specs.name
    if specs.model is not None or (container.settings.models_folder / name).is_dir():
        return True
    return bool(ledger.length(container.store, name)) and not is_dataset(container, name)


def is_dataset(container: Container, name: str) -> bool:
    """Return whether a name is of a dataset, by its folder or by its deliveries."""
    folder = container.settings.project / "include" / "datasets" / name
    return folder.is_dir() or bool(container.store.list(f"arrivals/{name}"))


def delivered_streams(container: Container, dataset: str) -> tuple[StreamName, ...]:
    """Return the streams of a dataset that have files of their own; both without a valid spec."""
    try:
        return container.dataset(dataset).streams.delivered
    except (BadParameter, SpecError):
        return ("features", "labels")


def model_names(container: Container) -> list[str]:
    """Return every model that has a folder, or specs that a rollout kept."""
    home = container.settings.models_folder
    folders = home.iterdir() if home.is_dir() else ()
    present = {one.name for one in folders if one.is_dir() and one.name[0] not in "._"}
    return sorted(present.union(models_with_specs(container.store)))


def dataset_names(container: Container) -> list[str]:
    """Return every dataset that has a folder."""
    home = container.settings.datasets_folder
    folders = home.iterdir() if home.is_dir() else ()
    return sorted(one.name for one in folders if one.is_dir() and one.name[0] not in "._")


def _kept(container: Container, name: str) -> KeptSpecs | None:
    try:
        return kept_specs(container.store, name)
    except Tampered:
        return None


@dataclass(frozen=True)
class _UnknownTarget:
    """A platform that cannot be asked."""

    reason: str = "no valid spec names its deployment target"

    def served(self, model: str) -> Served | None:
        """Raise `PlatformUnavailable`."""
        raise PlatformUnavailable(f"the platform of {model} cannot be asked: {self.reason}")
