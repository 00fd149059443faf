"""Make a project of a person's own from the template that the package holds; overwrite nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from slipway import __version__
from slipway.stages.profile.names import in_plain_letters

TEMPLATE = Path(__file__).resolve().parents[1] / "project_template"
_DOT = "dot_"
_IN = ".in"
"""Stand for the point of a hidden file's name, and behind that of a file which is none yet: tools
would obey both in the template, too."""


@dataclass(frozen=True)
class MadeProject:
    """What became of the template's files in a folder.

    Attributes:
        made: Files that were written, relative to the folder.
        same: Files that were there as the template has them.
        kept: Files that were there with another content, and still have it.
    """

    made: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def make_project(folder: Path) -> MadeProject:
    """Write the files of the template that a folder lacks.

    Args:
        folder: Of the project; it is made where it is missing.
    """
    texts = dict(project_files(folder.resolve().name))
    sorted_out: dict[str, list[str]] = {"made": [], "same": [], "kept": []}
    for name, text in texts.items():
        file = folder / name
        if not file.exists() and not file.is_symlink():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            sorted_out["made"].append(name)
        else:
            is_same = file.is_file() and file.read_bytes() == text.encode()
            sorted_out["same" if is_same else "kept"].append(name)
    return MadeProject(**{what: tuple(names) for what, names in sorted_out.items()})


def project_files(name: str) -> Iterator[tuple[str, str]]:
    """Yield the files of a new project, by path, with their text.

    Args:
        name: Of the project's folder.
    """
    for source in sorted(TEMPLATE.rglob("*")):
        if not source.is_file() or source.suffix == ".pyc":
            continue
        parts = source.relative_to(TEMPLATE).parts
        path = PurePosixPath(*(_shown(part) for part in parts))
        text = source.read_text(encoding="utf-8")
        yield str(path), text.replace("@PROJECT@", _plain(name)).replace("@VERSION@", __version__)


def _shown(part: str) -> str:
    name = part.removesuffix(_IN)
    return f".{name.removeprefix(_DOT)}" if name.startswith(_DOT) else name


def _plain(name: str) -> str:
    """Return a folder's name as a project's name may be spelt."""
    return re.sub(r"[^a-z0-9]+", "-", in_plain_letters(name)).strip("-") or "models"
