"""Manifest of a model version: facts about its training, digest and size of each file.

The version's folder is an MLflow model with a further folder `slipway/`.
A tag of the version holds the digest of its manifest, which holds those of all other files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from slipway.errors import Tampered
from slipway.records.store import digest, encode, parse_json

MANIFEST = "slipway/manifest.json"
SIZES = "sizes"
"""Bytes of each file; manifests of earlier releases have none."""
REFERENCE = "slipway/reference.parquet"
REFERENCE_SCORE, REFERENCE_PART = "_score", "_part"
"""Columns of the reference beside the user's, which may not have these names.

A multi-class model's scores are in `_score_0`, `_score_1` and so on, by the codes of its classes.
"""

FITTED_CLASSES = "fitted_classes"
"""Codes of the classes that the training rows had, where a version declares more."""

PIPELINE_PY = "slipway/pipeline.py"
MODEL = "model.skops"
AGAIN = "do not serve it; register the model again from its training run"


def seal(folder: Path, facts: Mapping[str, Any]) -> str:
    """Write the manifest of a complete folder and return its digest."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [path.relative_to(folder).as_posix() for path in paths]
    files = dict(zip(names, map(_file_digest, paths), strict=True))
    sizes = {name: path.stat().st_size for name, path in zip(names, paths, strict=True)}
    data = encode({**facts, "files": files, SIZES: sizes})
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
    manifest = parse(read_bytes(folder, MANIFEST), sha256=sha256, where=str(folder / MANIFEST))
    for name, expected in manifest["files"].items():
        path = _present(folder, name)
        require_same(_file_digest(path), expected, where=str(path))
    return manifest


def parse(data: bytes, *, sha256: str | None, where: str) -> dict[str, Any]:
    """Parse a manifest.

    Raises:
        Tampered: The bytes differ from the digest, or name a file outside the folder.
    """
    if sha256 is not None:
        check(data, sha256, where=where)
    try:
        manifest: Any = parse_json(data)
    except (ValueError, RecursionError) as error:
        raise _malformed("JSON", type(error).__name__, where) from error
    if not isinstance(manifest, dict) or "files" not in manifest:
        raise _malformed("an object with `files`", type(manifest).__name__, where)
    for name, shape in SHAPES.items():
        if name in manifest and not shape(manifest[name]):
            raise _malformed(f"a valid `{name}`", type(manifest[name]).__name__, where)
    _require_own_files(manifest, where)
    return manifest


def _require_own_files(manifest: Mapping[str, Any], where: str) -> None:
    if manifest.get(SIZES, manifest["files"]).keys() != manifest["files"].keys():
        raise _malformed("a size for each file", "others", where)
    for name in manifest["files"]:
        if name.startswith("/") or ".." in name.split("/"):
            raise Tampered("the manifest names a file outside its folder", where=where, hint=AGAIN)


def _malformed(expected: str, found: str, where: str) -> Tampered:
    return Tampered(
        "the manifest of a model version cannot be read",
        expected=expected,
        found=found,
        where=where,
        hint=AGAIN,
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_classes(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str | int) for one in value)


def _is_codes(value: object) -> bool:
    return isinstance(value, list) and all(type(one) is int and one >= 0 for one in value)


def _is_sizes(value: object) -> bool:
    return isinstance(value, dict) and _is_codes(list(value.values()))


def _is_text_by_name(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


SHAPES: Mapping[str, Callable[[object], bool]] = {
    "classes": _is_classes,
    FITTED_CLASSES: _is_codes,
    "files": _is_text_by_name,
    "judged": lambda value: isinstance(value, dict),
    "model": _is_text,
    "pii": _is_text_by_name,
    "pii_key": _is_text,
    SIZES: _is_sizes,
    "runtime": lambda value: value is None or _is_text_by_name(value),
    "trusted_types": _is_texts,
}
"""What loading a version depends on, where its manifest has it."""


def check(data: bytes, sha256: str, *, where: str) -> None:
    """Raise unless bytes have a digest.

    Raises:
        Tampered: They have another digest.
    """
    require_same(digest(data), sha256, where=where)


def require_same(found: str, sha256: str, *, where: str) -> None:
    """Raise unless the digest of a file is the one that its manifest has.

    Raises:
        Tampered: It is another one.
    """
    if found != sha256:
        raise Tampered(
            "a file of a model version differs from the one that was registered",
            expected=f"sha256 {sha256}",
            found=f"sha256 {found}",
            where=where,
            hint=AGAIN,
        )


def require_digest(model: str, version: int, *, wanted: str | None, found: str) -> None:
    """Raise unless a version of the registry has the digest that is wanted.

    Args:
        model: Name of the model.
        version: Its number.
        wanted: Digest of the manifest of the version that is meant; None: any.
        found: Digest that the registry has for that number.

    Raises:
        Tampered: The number belongs to other bytes.
    """
    if wanted not in (None, found):
        raise Tampered(
            f"version {version} of {model} in the registry is not the version that is meant",
            expected=f"sha256 {wanted}",
            found=f"sha256 {found}",
            hint="the model was deleted and registered again, or the version's digest was edited; "
            "the next reconcile treats what the registry has now as a new candidate",
        )


def read_bytes(folder: Path, name: str) -> bytes:
    """Return a file of a version's folder.

    Raises:
        Tampered: It is missing.
    """
    return _present(folder, name).read_bytes()


def _present(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise Tampered("a file of a model version is missing", where=str(path), hint=AGAIN)
    return path


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
