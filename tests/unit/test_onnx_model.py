"""A version's ONNX form, loaded and called as by a server."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from slipway.adapters.model_package import load_package
from slipway.adapters.onnx_model import load_onnx
from slipway.errors import BadRequest, NotFound, Tampered
from slipway.records.store import digest, encode
from slipway.serving.model_server.load_engine import load_engine
from slipway.stages.model.manifest import MANIFEST, PIPELINE_PY, REFERENCE, seal
from slipway.stages.model.onnx_form import ONNX
from slipway.stages.model.personal_keys import PersonalKeys
from tests.support import packages
from tests.support.planted_marks import marks_below

XGB = "xgboost.XGBClassifier"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved version with an ONNX form; tests that change it copy it first."""
    return packages.saved(
        tmp_path_factory.mktemp("onnx") / "delay", packages.spec(XGB, n_estimators=20)
    )


def sealed_again(folder: Path, **changes: object) -> None:
    """Seal a changed folder, with changes of its manifest."""
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).unlink()
    del manifest["files"]
    seal(folder, manifest | changes)


def test_it_scores_as_the_pipeline_does(folder: Path) -> None:
    """One float64 per row, from values by column."""
    model, package = load_onnx(folder), load_package(folder)
    assert model.columns == tuple(package.signature_columns)
    assert model.manifest == package.manifest
    scores = model.score(packages.values(package, packages.rows()))
    assert (scores.shape, scores.dtype) == ((400,), np.float64)
    assert np.abs(scores - package.predict(packages.rows())).max() < 1e-6
    assert model.score([[], [], [], []]).shape == (0,)


def test_the_columns_have_to_be_as_many_as_the_signature_says(folder: Path) -> None:
    """A missing or surplus column is an error of the caller."""
    with pytest.raises(ValueError, match="as many columns"):
        load_onnx(folder).score([[1.0], [2.0]])


def test_half_a_character_is_refused_and_not_echoed(folder: Path) -> None:
    """A lone surrogate is no valid text."""
    with pytest.raises(BadRequest) as refusal:
        load_onnx(folder).score([[1.0], [2.0], ["Ob\ud800"], ["1"]])
    assert "Ob" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_concurrent_calls_get_the_same_scores(folder: Path) -> None:
    """Eight threads get the scores that one gets."""
    model, package = load_onnx(folder), load_package(folder)
    rows = packages.values(package, packages.rows())

    def ask(row: int) -> float:
        return float(model.score([[column[row]] for column in rows])[0])

    alone = [ask(row) for row in range(400)]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(400))) == alone


def test_loading_imports_no_training_library(folder: Path) -> None:
    """Neither pandas, scikit-learn, SciPy, skops nor XGBoost."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from slipway.adapters.onnx_model import load_onnx\n"
        "model = load_onnx(Path(sys.argv[1]))\n"
        "assert model.score([[None], [2.0], [None], ['1']]).shape == (1,)\n"
        "print(*sys.modules)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", program, folder], capture_output=True, text=True, check=True
    )
    heavy = {"pandas", "sklearn", "scipy", "skops", "xgboost", "onnx", "mlflow"}
    assert heavy.isdisjoint(process.stdout.split())


@pytest.mark.parametrize("file", [ONNX, "model.skops", MANIFEST])
def test_a_changed_or_missing_file_is_not_loaded(folder: Path, tmp_path: Path, file: str) -> None:
    """One byte more, or no file, refuses the folder."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    if file != MANIFEST:
        (copy / file).write_bytes((copy / file).read_bytes() + b" ")
        with pytest.raises(Tampered, match=r"differs from the one that was registered"):
            load_onnx(copy)
    (copy / file).unlink()
    with pytest.raises(Tampered, match="missing"):
        load_onnx(copy)


def test_an_unreadable_form_is_an_error(folder: Path, tmp_path: Path) -> None:
    """Sealed, but no file that ONNX Runtime can read."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / ONNX).write_bytes(b"no model")
    sealed_again(copy)
    with pytest.raises(Tampered, match="cannot be loaded"):
        load_onnx(copy)


def test_a_version_without_a_form_has_a_reason(tmp_path: Path) -> None:
    """The error has the manifest's reason, and the pipeline loads."""
    source = "def features(frame):\n    return frame.assign(gust=frame['wind'] * 2)\n"
    spec = packages.spec("sklearn.linear_model.LogisticRegression")
    folder = packages.saved(tmp_path / "delay", spec, source=source)
    assert not (folder / ONNX).exists()
    assert load_package(folder).manifest["engine"]["name"] == "sklearn"
    with pytest.raises(NotFound, match="step features"):
        load_onnx(folder)


def test_a_version_without_engine_keys_loads(folder: Path, tmp_path: Path) -> None:
    """An older manifest lacks the keys; the version has no ONNX form."""
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / ONNX).unlink()
    manifest = json.loads((copy / MANIFEST).read_text())
    (copy / MANIFEST).unlink()
    for key in ("files", "engine", "ranges", "pii"):
        del manifest[key]
    seal(copy, manifest)
    scores = load_package(copy).predict(packages.rows())
    assert np.array_equal(scores, load_package(folder).predict(packages.rows()))
    with pytest.raises(NotFound):
        load_onnx(copy)


def test_the_manifest_has_the_ranges_of_training(folder: Path) -> None:
    """Range of every number and categories of every text, for the metric of odd inputs."""
    manifest = json.loads((folder / MANIFEST).read_text())
    wind = packages.rows()["wind"]
    assert manifest["ranges"]["numbers"] == {"wind": [wind.min(), wind.max()], "decks": [1.0, 4.0]}
    assert manifest["ranges"]["categories"] == {"port": ["Mallaig", "Oban"], "berth": ["0", "1"]}
    assert manifest["pii"] == {}
    assert manifest["files"][ONNX] == digest((folder / ONNX).read_bytes())
    assert manifest["engine"]["name"] == "onnx"
    assert encode(manifest) == (folder / MANIFEST).read_bytes()
    assert PIPELINE_PY not in manifest["files"]


def test_personal_columns_are_trained_on_and_not_kept(tmp_path: Path) -> None:
    """No file has a personal value: the model learns hashes, and other files leave them out."""
    import pandas as pd

    declared = packages.dataset(port="hash", berth="drop")
    folder = packages.saved(tmp_path / "delay", packages.spec(XGB), declared=declared)
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["pii"] == {"port": "hash", "berth": "drop"}
    assert list(manifest["ranges"]["numbers"]) == ["decks", "wind"]
    assert manifest["ranges"]["categories"] == {}
    assert {"port", "berth"}.isdisjoint(pd.read_parquet(folder / REFERENCE))
    assert manifest["engine"]["name"] == "onnx"
    rotated = PersonalKeys((*packages.KEYS.keys, b"a newer key, 22 bytes."))
    package, engine = load_package(folder, rotated), load_engine(folder, rotated)
    raw = packages.values(package, packages.rows())
    assert engine.name == "onnx"
    assert engine.score(raw) == pytest.approx(package.predict(packages.rows()), abs=1e-5)
    hashed = packages.KEYS.hashes(["port"], key=manifest["pii_key"])["port"]("Mallaig")
    assert str(hashed).encode() in (folder / ONNX).read_bytes()
    assert marks_below(folder, {"a port": "Mallaig", "another": "Oban"}) == set()
