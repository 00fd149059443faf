"""Write the files of a plan into a project: checked first, whole folders, nothing overwritten."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psutil

from slipway.errors import BadParameter
from slipway.spec.loading import load_all
from slipway.stages.profile.new_specs import NewSpecs
from slipway.stages.profile.write_specs import spec_files
from slipway.stages.report.check import inspect_project
from slipway.wiring.check import expectation_check

_STAGED = ".new-"
_IS_THERE = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR})


def write_specs(plan: NewSpecs, project: Path) -> list[Path]:
    """Write the files of a plan into a project; overwrite nothing.

    They are written beside, checked there as `slipway check` does, and their folders renamed.

    Raises:
        BadParameter: A folder is there already, the model has no feature, or a file would not pass
            `slipway check`; nothing was written.
    """
    require_features(plan)
    files = spec_files(plan)
    folders = sorted({Path(name).parent for name in files})
    require_new_names(project, *folders)
    with _staging(project) as staged:
        for name, text in files.items():
            file = staged / "include" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        _link_datasets(project, staged)
        _require_valid(staged, plan.model)
        _move(staged, project, folders)
    return [project / "include" / name for name in files]


def require_new_names(project: Path, *folders: Path) -> None:
    """Raise if a folder of a dataset or a model is there already, or its name is taken.

    Args:
        project: Project.
        folders: Folders below `include/`.

    Raises:
        BadParameter: One is.
    """
    there = [one for one in folders if is_taken(project, one)]
    names = {one.name for one in folders}
    taken = [
        Path(other) / one.name
        for one in folders
        for other in ("datasets", "models")
        if other != one.parent.name and is_taken(project, Path(other) / one.name)
    ]
    if there or taken or len(names) < len(folders):
        found = [str(Path("include") / one) for one in (*there, *taken)]
        raise BadParameter(
            "nothing was written, since nothing is overwritten",
            expected="a dataset and a model with new names",
            found=", ".join(found) or f"{folders[0].name} as the name of both",
            hint="choose another name with --name, or remove these folders",
        )


def is_taken(project: Path, folder: Path) -> bool:
    """Return whether a folder below `include/` has anything in it."""
    there = project / "include" / folder
    return there.is_symlink() or there.is_file() or (there.is_dir() and any(there.iterdir()))


def require_features(plan: NewSpecs) -> None:
    """Raise if a plan leaves the model no feature, with the reason of each column.

    Raises:
        BadParameter: It leaves none.
    """
    if plan.of_role("number", "category"):
        return
    reasons = {name: f"{one.role}, {one.why}" for name, one in plan.columns.items()}
    reasons |= {name or "(without a name)": why for name, why in plan.measured.left_out.items()}
    raise BadParameter(
        "nothing was written, since no column is left that a model could learn from",
        expected="a number, or a category that repeats, beside target, key and event time",
        found="; ".join(f"{name}: {why}" for name, why in reasons.items()),
        hint="name another target with --target or another key with --key, or add such a column "
        "to the file; of free text none is made",
    )


@contextmanager
def _staging(project: Path) -> Iterator[Path]:
    """A hidden folder beside those of the specs, which no command reads, for renames out of it."""
    include = project / "include"
    for left in include.glob(f"{_STAGED}*"):
        if _is_left(left):
            shutil.rmtree(left, ignore_errors=True)
    staged = Path(mkdtemp(prefix=f"{_STAGED}{os.getpid()}-", dir=include))
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _is_left(staged: Path) -> bool:
    """Whether the process that made a hidden folder has ended, as after a kill."""
    number = staged.name.removeprefix(_STAGED).partition("-")[0]
    return not (number.isdecimal() and psutil.pid_exists(int(number)))


def _link_datasets(project: Path, staged: Path) -> None:
    """Show the check the datasets that are there, one of which may be the model's."""
    home = staged / "include" / "datasets"
    home.mkdir(parents=True, exist_ok=True)
    datasets = project / "include" / "datasets"
    for one in datasets.iterdir() if datasets.is_dir() else ():
        if one.is_dir() and not (home / one.name).exists():
            (home / one.name).symlink_to(one.absolute())


def _require_valid(staged: Path, model: str) -> None:
    loaded = load_all(staged, only=model)
    loaded = inspect_project(staged, loaded, expectations=expectation_check())
    if loaded.problems:
        raise BadParameter(
            "nothing was written, since the specs would not pass `slipway check`",
            found="; ".join(map(str, loaded.problems)),
            hint="name target, key or event time yourself with --target, --key and --event-time",
        )


def _move(staged: Path, project: Path, folders: Sequence[Path]) -> None:
    """Rename folders into the project, a dataset before its model; all of them or none."""
    moved: list[tuple[Path, Path]] = []
    try:
        for folder in folders:
            source, goal = staged / "include" / folder, project / "include" / folder
            goal.parent.mkdir(parents=True, exist_ok=True)
            source.rename(goal)
            moved.append((source, goal))
    except BaseException as error:
        for source, goal in moved:
            goal.rename(source)
        if isinstance(error, OSError) and error.errno in _IS_THERE:
            # Another process has written it since the names were looked at.
            require_new_names(project, *folders)
        raise
