"""Survey of a local folder into which other systems write: files, and what cannot be read.

One strange entry, such as a link that leads to itself, must not hide the others.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from slipway.records.store import Unusable

LONGEST_NAME = 200
"""Bytes of a batch's name: folders of its records are named after it, and a name may have 255."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_STAGED = re.compile(r".*#[0-9]+")
_RENAME = "rename it"
_RIGHTS = "give the user that runs Slipway the right to read it, or move it away"
_REMOVE = "remove it, or deliver the file itself"
_OUT = (
    "is a link that leads out of the landing area",
    "deliver the file itself, or name its folder in SLIPWAY_DELIVERY_LINK_FOLDERS",
)


@dataclass(frozen=True)
class _Folder:
    """A folder to look at, with the identities of all folders that hold it."""

    path: str
    key: str
    above: frozenset[tuple[int, int]]


def allowed_folders(area: Path, further: str) -> tuple[str, ...]:
    """Return the real paths of the folders to which links in a landing area may lead.

    Args:
        area: The landing area, which may be a link itself.
        further: Further folders, with `:` between them.
    """
    named = [Path(one) for one in further.split(os.pathsep) if one]
    return tuple(os.path.realpath(one) for one in (area, *named))


def is_inside(path: str, folders: Sequence[str]) -> bool:
    """Return whether a real path is one of some folders, or below it."""
    return any(path == one or path.startswith(f"{one.rstrip('/')}/") for one in folders)


def survey_folder(
    root: Path, prefix: str, *, allowed: Sequence[str]
) -> tuple[list[str], tuple[Unusable, ...]]:
    """Return the keys of the files below a folder that can be read, and all that cannot, sorted.

    Args:
        root: Root of the store.
        prefix: Key of the folder.
        allowed: From `allowed_folders`; links that lead elsewhere are not followed.
    """
    if is_inside(os.path.realpath(root / prefix), allowed):
        seen = list(_walk(root / prefix, prefix, allowed))
    else:
        seen = [Unusable(prefix, *_OUT)]
    unusable = [one for one in seen if isinstance(one, Unusable)]
    return (
        sorted(one for one in seen if isinstance(one, str)),
        tuple(sorted(unusable, key=lambda one: one.key)),
    )


def _walk(top: Path, prefix: str, allowed: Sequence[str]) -> Iterator[str | Unusable]:
    left = [_Folder(str(top), prefix, frozenset(_identities(top)))]
    while left:
        folder = left.pop()
        try:
            with os.scandir(folder.path) as listed:
                inside = list(listed)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            yield _unreadable(folder.key, error)
            continue
        for entry in inside:
            found = _look_at(folder, entry, allowed)
            if isinstance(found, _Folder):
                left.append(found)
            elif found is not None:
                yield found


def _identities(top: Path) -> Iterator[tuple[int, int]]:
    """Yield the identities of a folder and of those that hold it."""
    whole = top.resolve()
    for one in (whole, *whole.parents):
        try:
            seen = one.stat()
        except OSError:
            continue
        yield (seen.st_dev, seen.st_ino)


def _look_at(
    folder: _Folder, entry: os.DirEntry[str], allowed: Sequence[str]
) -> _Folder | str | Unusable | None:
    """A folder, the key of a file, what cannot be read, or None for what is gone again."""
    key = f"{folder.key}/{entry.name}"
    if (problem := _problem_of_name(entry.name)) is not None:
        return Unusable(printable_key(key), problem, _RENAME)
    try:
        seen = entry.stat()
    except OSError as error:
        return _not_followed(entry, key, error)
    identity = (seen.st_dev, seen.st_ino)
    if identity in folder.above:
        return Unusable(key, "is a link to a folder that holds it", "remove it")
    if entry.is_symlink() and not is_inside(os.path.realpath(entry.path), allowed):
        return Unusable(key, *_OUT)
    if not stat.S_ISDIR(seen.st_mode):
        return _file(entry, key, seen.st_mode)
    return _Folder(entry.path, key, folder.above | {identity})


def _not_followed(entry: os.DirEntry[str], key: str, error: OSError) -> Unusable | None:
    if error.errno == errno.ELOOP:
        return Unusable(key, "is a link that leads to itself", _REMOVE)
    if not isinstance(error, FileNotFoundError):
        return _unreadable(key, error)
    return Unusable(key, "is a link to nothing", _REMOVE) if entry.is_symlink() else None


def _file(entry: os.DirEntry[str], key: str, mode: int) -> str | Unusable:
    if not stat.S_ISREG(mode):
        return Unusable(key, "is no regular file", _REMOVE)
    if _STAGED.fullmatch(entry.name):
        return Unusable(key, "has a name that ends with # and a number", _RENAME)
    if not os.access(entry.path, os.R_OK):
        return Unusable(key, "cannot be read: permission denied", _RIGHTS)
    return key


def _problem_of_name(name: str) -> str | None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return "has a name that is no UTF-8"
    if _CONTROL.search(name):
        return "has a tab, a line break or another control character in its name"
    return None


def _unreadable(key: str, error: OSError) -> Unusable:
    reason = (error.strerror or type(error).__name__).lower()
    return Unusable(key, f"cannot be read: {reason}", _RIGHTS)


def printable_key(key: str) -> str:
    """Return a key that can be printed: bytes that are no text, and control characters, escaped."""
    text = key.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
