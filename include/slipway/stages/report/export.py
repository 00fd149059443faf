"""Export a version's ONNX form for devices that have neither Slipway nor scikit-learn."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from slipway.errors import BadParameter, NotFound
from slipway.stages.model.manifest import check, open_sealed
from slipway.stages.model.onnx_form import (
    MISSING,
    NUMBERS,
    ONNX,
    SCORE,
    SCORES,
    TEXTS,
    spell_category,
)
from slipway.stages.model.personal_keys import KEY_ID

if TYPE_CHECKING:
    from slipway.stages.ports.registry import ModelVersion, Registry

PROGRAM = Template('''"""Ask $model version $version; needs onnxruntime 1.20 or newer, and numpy."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime

FILE = Path(__file__).with_name($file)
SHA256 = "$sha256"
NUMBERS = $numbers
TEXTS = $texts
${classes}${hashed}MISSING = $missing


$spelled

def load() -> onnxruntime.InferenceSession:
    """The model, once its file is known to be the one that was exported."""
    data = FILE.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise SystemExit(f"{FILE} is not the file that was exported")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def score(session: onnxruntime.InferenceSession, rows: list[dict]) -> np.ndarray:
    """$meaning of each row, a dict by column; None or no entry is a missing value$order."""
    feed = {}
    if NUMBERS:
        numbers = [[row.get(name) for name in NUMBERS] for row in rows]
        feed[$numbers_input] = np.array(numbers, dtype=np.float64)
    if TEXTS:
        texts = [[spell_category(row.get(name)) for name in TEXTS] for row in rows]
        feed[$texts_input] = np.array(texts, dtype=object)
    return session.run([$score], feed)[0]$flat


if __name__ == "__main__":
    print(score(load(), [$example]))
''')


@dataclass(frozen=True)
class Export:
    """Files for an edge device.

    Attributes:
        data: The ONNX form, the very bytes of the version.
        program: Python program that scores with it.
        sha256: Digest of the form.
    """

    data: bytes
    program: str
    sha256: str


def export_onnx(folder: Path, version: ModelVersion, *, file: str) -> Export:
    """Export the ONNX form of a version, with a program that scores with it.

    Args:
        folder: The version's folder, downloaded from the registry.
        version: Which one it is.
        file: Name that the form will have, beside the program.

    Raises:
        BadParameter: The version is answered by its pipeline, which has no such form.
        Tampered: A file of the version differs from its digest.
    """
    manifest = open_sealed(folder)
    engine = manifest.get("engine") or {"reason": "it was trained before there were any"}
    if ONNX not in manifest["files"]:
        raise BadParameter(
            f"version {version.version} of {version.model} has no ONNX form to export",
            expected="a version whose engine is onnx",
            found=engine["reason"],
            hint=f"`slipway status {version.model}` shows the engine of each version",
        )
    sha256 = manifest["files"][ONNX]
    data = (folder / ONNX).read_bytes()
    check(data, sha256, where=str(folder / ONNX))
    return Export(data, _program(manifest, version, file=file, sha256=sha256), sha256)


def _program(manifest: Mapping[str, Any], version: ModelVersion, *, file: str, sha256: str) -> str:
    by_kind: dict[str, list[str]] = {"number": [], "string": []}
    for column in manifest["features"]:
        by_kind[column["kind"]].append(column["name"])
    task, several = manifest["task"], manifest["task"] == "multiclass"
    meaning = {
        "classification": "Probability of class 1",
        "multiclass": "Probability of each class",
    }
    return PROGRAM.substitute(
        model=version.model,
        version=version.version,
        file=repr(file),
        sha256=sha256,
        numbers=by_kind["number"],
        texts=by_kind["string"],
        numbers_input=repr(NUMBERS),
        texts_input=repr(TEXTS),
        missing=repr(MISSING),
        spelled=inspect.getsource(spell_category),
        meaning=meaning.get(task, "Predicted value"),
        score=repr(SCORES if several else SCORE),
        flat="" if several else ".ravel()",
        order="; columns as CLASSES" if several else "",
        classes=f"CLASSES = {manifest['classes']!r}\n" if several else "",
        hashed=_hashed(manifest),
        example=_example(manifest.get("ranges") or {}),
    )


def _hashed(manifest: Mapping[str, Any]) -> str:
    """Say which texts the form takes as hashes; their key stays with the installation."""
    if KEY_ID not in manifest:
        return ""
    told = "# Personal: given as hashes, whose key stays with the installation.\n"
    return f"{told}HASHED, HASHED_BY = {sorted(manifest['pii'])!r}, {manifest[KEY_ID]!r}\n"


def _example(ranges: Mapping[str, Any]) -> dict[str, Any]:
    """A row within what training saw: half-way between the ends, and the first category."""
    numbers = {name: (low + high) / 2 for name, (low, high) in ranges.get("numbers", {}).items()}
    seen = ranges.get("categories", {})
    return numbers | {name: values[0] for name, values in seen.items() if values}


def find_version(registry: Registry, model: str, which: str) -> ModelVersion:
    """Find a version by its number or an alias.

    Raises:
        NotFound: There is none.
        RegistryUnavailable: The registry does not answer.
    """
    if which.isdecimal():
        return registry.version(model, int(which))
    found = registry.alias(model, which)
    if found is None:
        raise NotFound(
            f"{model} has no {which}",
            expected="an alias that names a version, or a version's number",
            hint=f"`slipway status {model}` shows what there is",
        )
    return found
