"""Load specs from their folders: valid ones as values, invalid ones as problems.

Runs at parse time, in workers, in pods and on the command line; imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from slipway.spec.base import Spec
from slipway.spec.dataset import DatasetSpec
from slipway.spec.folders import Folder, read_dataset, read_model
from slipway.spec.model import ModelSpec
from slipway.spec.model_against_dataset import model_against_dataset
from slipway.spec.problems import Problem, SpecErrors, sort_problems

S = TypeVar("S", bound=Spec)


@dataclass(frozen=True)
class Loaded:
    """The valid specs of a project, and the problems of the others.

    Attributes:
        datasets: By name.
        models: By name; each fits its dataset, unless the dataset itself is invalid.
        problems: File by file.
    """

    datasets: Mapping[str, DatasetSpec] = field(default_factory=dict)
    models: Mapping[str, ModelSpec] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def raise_problems(loaded: Loaded) -> None:
    """Raise unless every spec is valid.

    Raises:
        SpecErrors: There is a problem; the message lists all.
    """
    if loaded.problems:
        raise SpecErrors(loaded.problems)


def load_dataset(folder: Path) -> DatasetSpec:
    """Load the dataset of one folder.

    Args:
        folder: `include/datasets/<name>`.

    Raises:
        SpecErrors: It is invalid; the message lists every problem.
    """
    return _good(read_dataset(folder))


def load_model(folder: Path) -> ModelSpec:
    """Load the model of one folder, without checking it against its dataset.

    Args:
        folder: `include/models/<name>`.

    Raises:
        SpecErrors: It is invalid; the message lists every problem.
    """
    return _good(read_model(folder))


def load_all(project: Path, *, only: str | None = None) -> Loaded:
    """Load every spec of a project; an invalid folder never hides the others.

    Args:
        project: Folder that holds `include/datasets` and `include/models`.
        only: Name of one dataset or model. Only its folder and the model's dataset are read, so
            that the cost does not grow with the number of models.
    """
    datasets_home, models_home = project / "include" / "datasets", project / "include" / "models"
    if not datasets_home.is_dir() and not models_home.is_dir():
        return Loaded(problems=(_no_project(project),))
    models = {name: read_model(models_home / name) for name in _names(models_home, only)}
    wanted = set(_names(datasets_home, only))
    if only is not None:
        named = {one.spec.dataset for one in models.values() if one.spec is not None}
        wanted |= {name for name in named if (datasets_home / name).is_dir()}
    datasets = {name: read_dataset(datasets_home / name) for name in sorted(wanted)}
    known = _names(datasets_home, None)
    models = {
        name: one.with_problems(model_against_dataset(one, name, datasets, known))
        for name, one in models.items()
    }
    return Loaded(
        datasets={name: one.spec for name, one in datasets.items() if one.spec is not None},
        models={name: one.spec for name, one in models.items() if one.spec is not None},
        problems=sort_problems(
            [
                *(problem for one in datasets.values() for problem in one.problems),
                *(problem for one in models.values() for problem in one.problems),
            ]
        ),
    )


def _names(home: Path, only: str | None) -> list[str]:
    if only is not None:
        return [only] if (home / only).is_dir() else []
    if not home.is_dir():
        return []
    return sorted(
        entry.name for entry in home.iterdir() if entry.is_dir() and entry.name[0] not in "._"
    )


def _no_project(project: Path) -> Problem:
    summary = "holds neither include/datasets nor include/models"
    hint = "run slipway inside a project, or set SLIPWAY_PROJECT to its folder"
    return Problem(str(project), None, "", summary, hint=hint)


def _good(folder: Folder[S]) -> S:
    if folder.spec is None:
        raise SpecErrors(sort_problems(folder.problems))
    return folder.spec
