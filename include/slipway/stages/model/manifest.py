"""Manifest of a model version: facts about its training, and the digest of each file.

The version's folder is an MLflow model with a further folder `slipway/`.
A tag of the version holds the digest of its manifest, which holds those of all other files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.errors import Tampered
from slipway.records.store import digest, encode

MANIFEST = "slipway/manifest.json"
REFERENCE = "slipway/reference.parquet"
PIPELINE_PY = "slipway/pipeline.py"
MODEL = "model.skops"


def seal(folder: Path, facts: Mapping[str, Any]) -> str:
    """Write the manifest of a complete folder and return its digest."""
    files = {
        path.relative_to(folder).as_posix(): digest(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    data = encode({**facts, "files": files})
    target = folder / MANIFEST
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(data)
    return digest(data)


def open_sealed(folder: Path, *, sha256: str | None = None) -> dict[str, Any]:
    """Check every file of a folder against its digest and return the manifest.

    Args:
        folder: A model version's folder.
        sha256: Digest of the manifest itself, where it is known.

    Raises:
        Tampered: The manifest or a file is missing or differs from its digest.
    """
    manifest = parse(_bytes(folder, MANIFEST), sha256=sha256, where=str(folder / MANIFEST))
    for name, expected in manifest["files"].items():
        check(_bytes(folder, name), expected, where=str(folder / name))
    return manifest


def parse(data: bytes, *, sha256: str | None, where: str) -> dict[str, Any]:
    """Parse a manifest.

    Raises:
        Tampered: The bytes differ from the digest, or name a file outside the folder.
    """
    if sha256 is not None:
        check(data, sha256, where=where)
    manifest: dict[str, Any] = json.loads(data)
    for name in manifest["files"]:
        if name.startswith("/") or ".." in name.split("/"):
            raise Tampered("the manifest names a file outside its folder", where=where)
    return manifest


def check(data: bytes, sha256: str, *, where: str) -> None:
    """Raise unless bytes have a digest.

    Raises:
        Tampered: They have another digest.
    """
    found = digest(data)
    if found != sha256:
        raise Tampered(
            "a file of a model version differs from the one that was registered",
            expected=f"sha256 {sha256}",
            found=f"sha256 {found}",
            where=where,
            hint="do not serve it; register the model again from its training run",
        )


def _bytes(folder: Path, name: str) -> bytes:
    path = folder / name
    if not path.is_file():
        raise Tampered("a file of a model version is missing", where=str(path))
    return path.read_bytes()
