"""Make sample deliveries of a dataset with the `sample.py` in its folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import NotFound

if TYPE_CHECKING:
    from rich.progress import Progress


def make_sample(dataset: Path, target: Path, *, progress: Progress) -> list[Path]:
    """Call a dataset's `sample.make`; return the files that it wrote.

    Args:
        dataset: The dataset's folder.
        target: Folder to write into.
        progress: Progress bar.

    Raises:
        NotFound: The dataset has no `sample.py`.
    """
    source = dataset / "sample.py"
    spec = importlib.util.spec_from_file_location(f"slipway_sample_{dataset.name}", source)
    if not source.is_file() or spec is None or spec.loader is None:
        raise NotFound(
            f"dataset {dataset.name!r} has no sample deliveries",
            expected="a file sample.py with a function make(target, *, progress)",
            where=str(source),
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    target.mkdir(parents=True, exist_ok=True)
    files: list[Path] = module.make(target, progress=progress)
    return files
