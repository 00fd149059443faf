"""Tell before a file is read whether `slipway new` writes a dataset, or a model on one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import BadParameter
from slipway.spec.loading import load_dataset
from slipway.stages.profile.identity import KeyGuess
from slipway.stages.profile.told_identity import ARRIVAL, told_event_time
from slipway.wiring.new_specs import names_of
from slipway.wiring.opened_file import OpenedFile
from slipway.wiring.written_specs import is_taken, require_new_names

if TYPE_CHECKING:
    from slipway.spec import DatasetSpec
    from slipway.stages.profile.event_time import TimeGuess
    from slipway.stages.profile.measured import Measured

_WHY = "the dataset has it"


def find_dataset_of_project(
    opened: OpenedFile, project: Path, *, name: str | None, target: str | None
) -> DatasetSpec | None:
    """Return the dataset that a further model is written on; None where both are new.

    Args:
        opened: The file.
        project: Project.
        name: Name of the dataset as a person has it; None: that of the file.
        target: Target that a person named; None: it will be guessed.

    Raises:
        BadParameter: The names are taken, or the dataset cannot have such a model.
        SpecError: The dataset is invalid.
    """
    dataset, model = names_of(opened.path, name=name, target=target or "")
    home, models = Path("datasets") / dataset, () if target is None else (Path("models") / model,)
    if not is_taken(project, home):
        require_new_names(project, home, *models)
        return None
    if target is None:
        raise BadParameter(
            "nothing was written, since nothing is overwritten",
            expected="a dataset with a new name, or --target with a label of this one",
            found=f"include/{home}",
            hint="--target COLUMN writes a further model on it; --name makes another dataset",
        )
    require_new_names(project, *models)
    spec = load_dataset(project / "include" / home)
    _require_columns(opened, spec)
    _require_label(target, spec)
    return spec


def told_by_dataset(spec: DatasetSpec, measured: Measured) -> tuple[KeyGuess, TimeGuess]:
    """Return key and event time as a dataset declares them.

    Raises:
        BadParameter: The file's columns have no such times.
    """
    identity = spec.identity
    time = told_event_time(measured, identity.time.named or (ARRIVAL,))
    return KeyGuess(identity.key.named, _WHY), replace(time, why=_WHY)


def no_features_of(spec: DatasetSpec, measured: Measured) -> dict[str, str]:
    """Return the columns of a file that are no features of a dataset, with the reason."""
    found = {}
    for name in measured.columns:
        if name in spec.streams.labels.columns:
            found[name] = "it is a label of the dataset"
        elif name not in spec.streams.features.columns:
            found[name] = "the dataset does not declare it"
    return found


def _require_columns(opened: OpenedFile, spec: DatasetSpec) -> None:
    missing = [name for name in spec.streams.features.columns if name not in opened.names]
    if missing:
        raise BadParameter(
            f"a dataset {spec.dataset} is there, of other files",
            expected=f"its columns {', '.join(missing)}",
            found=f"a file with columns {', '.join(opened.names[:20])}",
            where=str(opened.path),
            hint="--name makes a dataset with another name",
        )


def _require_label(target: str, spec: DatasetSpec) -> None:
    place = f"include/datasets/{spec.dataset}/dataset.yaml"
    if target in spec.streams.labels.columns and spec.streams.in_one_file:
        return
    if not spec.streams.in_one_file:
        raise BadParameter(
            f"the labels of dataset {spec.dataset} come in files of their own",
            expected="labels that stand in the features' files: `labels: {from: features}`",
            where=place,
            hint="write include/models/NAME/model.yaml by hand, or make another dataset of this "
            "file with --name",
        )
    is_feature = target in spec.streams.features.columns
    hint = (
        "move its line from `streams.features` to `streams.labels` there, without `in_key`, and "
        f"take {target!r} from the features of every model that has it; then the same command "
        "writes a model. "
        if is_feature
        else "add it to `streams.labels` there, and the same command writes a model. "
    )
    raise BadParameter(
        f"{target!r} is no label of dataset {spec.dataset}, so it cannot be a model's target",
        expected=f"one of its labels {', '.join(spec.streams.labels.columns)}",
        found="a feature" if is_feature else "a column that it does not declare",
        where=place,
        hint=f"{hint}Or --name makes another dataset of the file",
    )
