"""Copy a file, or a folder of parts, into the landing area, where it appears as a whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from slipway.errors import StoreUnavailable
from slipway.records.landing_area import SUCCESS
from slipway.records.scratch_folder import refuse_full_disk
from slipway.records.store import Store

_BEING_WRITTEN = "_temporary/slipway"
"""Object that stands in a folder of parts on S3 while it is written, as one of Spark does."""


def copy_into_landing(source: Path, key: str, *, store: Store) -> None:
    """Copy a delivery to its key; until it is complete, the landing trigger does not see it.

    A delivery that lies there already is replaced.

    Args:
        source: A file, or a folder with nothing in it but the parts.
        key: Key of the delivery.
        store: Store with the landing area.

    Raises:
        StoreUnavailable: The store cannot be written.
        DiskFull: Its disk has no room.
    """
    if "://" in store.root:
        _upload(source, key, store)
        return
    target = Path(store.root) / key
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with refuse_full_disk(target.parent, needs=f"a copy of {source.name}"):
            _copy(source, target)
    except OSError as error:
        raise StoreUnavailable(
            f"the store could not write {key}",
            found=error.strerror or type(error).__name__,
            where=store.root,
            hint="give yourself the right to write there, or set SLIPWAY_STORE",
        ) from error


def _copy(source: Path, target: Path) -> None:
    """Write under a name that begins with a dot, and rename it when it is complete."""
    draft = target.with_name(f".{target.name}.part")
    _remove(draft)
    try:
        if source.is_dir():
            shutil.copytree(source, draft, copy_function=shutil.copyfile)
            (draft / SUCCESS).touch()
        else:
            shutil.copyfile(source, draft)
        os.utime(draft)
        if source.is_dir() or target.is_dir():
            _replace_folder(draft, target)
        else:
            draft.replace(target)
    finally:
        _remove(draft)


def _replace_folder(draft: Path, target: Path) -> None:
    before = target.with_name(f".{target.name}.old.part")
    _remove(before)
    if target.exists():
        target.replace(before)
    draft.replace(target)
    _remove(before)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _upload(source: Path, key: str, store: Store) -> None:
    """Upload a file, which appears as a whole, or parts beside a marker that they are written."""
    if source.is_file():
        store.upload(source, key)
        return
    marker = f"{key}/{_BEING_WRITTEN}"
    store.write(marker, b"")
    parts = sorted(source.iterdir())
    _delete_others(parts, key, store)
    for part in parts:
        store.upload(part, f"{key}/{part.name}")
    store.write(f"{key}/{SUCCESS}", b"")
    store.delete(marker)


def _delete_others(parts: Sequence[Path], key: str, store: Store) -> None:
    """Delete what a folder holds of a delivery before."""
    kept = {f"{key}/{_BEING_WRITTEN}", *(f"{key}/{part.name}" for part in parts)}
    for entry in store.list(key):
        if entry.key not in kept:
            store.delete(entry.key)
