"""Write the evidence of a version into a new folder, its sums last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from slipway.errors import BadParameter
from slipway.records.store import digest
from slipway.stages.evidence.layout import SUMS


def require_new_folder(target: Path) -> None:
    """Raise unless a folder is new or empty.

    Raises:
        BadParameter: Something is there.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BadParameter(
            "the folder is not empty",
            expected="a new or an empty folder, for one version alone",
            where=str(target),
            hint="nothing was written; name another folder",
        )


def write_evidence(files: Mapping[str, bytes], target: Path) -> None:
    """Write the files of a version's evidence, and their sums once all are there.

    Args:
        files: Bytes by path.
        target: A new or an empty folder.

    Raises:
        BadParameter: Something is there; nothing is overwritten.
    """
    require_new_folder(target)
    for name, data in sorted(files.items()):
        file = target / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as opened:
            opened.write(data)
    lines = [f"{digest(data)}  {name}\n" for name, data in sorted(files.items())]
    with (target / SUMS).open("x", encoding="utf-8") as opened:
        opened.write("".join(lines))
