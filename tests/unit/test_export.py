"""`slipway export`: a version's ONNX form for devices without Slipway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from slipway import wiring
from slipway.adapters.model_package import load_package
from slipway.cli.commands import commands
from slipway.stages.model.manifest import MANIFEST
from slipway.stages.model.onnx_form import ONNX
from tests.support import ferry_dataset, packages, sea_states
from tests.support.training_env import TrainingEnv, spec

ASK = """
import json, sys
import delay_example as edge

rows = json.loads(sys.stdin.read())
scores = edge.score(edge.load(), rows).tolist()
print(json.dumps([scores, sorted(sys.modules)]))
"""


def slipway(*words: str) -> Result:
    """Output of a command line."""
    return CliRunner().invoke(commands, list(words), catch_exceptions=False)


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingEnv:
    """A model with a champion, version 1."""
    made = TrainingEnv.in_memory(tmp_path / "tracking")
    made.land(ferry_dataset.crossings(days=60))
    container = wiring.Container()
    container.registry = made.registry
    monkeypatch.setattr(wiring, "Container", lambda: container)
    return made


def test_the_very_file_of_the_version_is_written(env: TrainingEnv, tmp_path: Path) -> None:
    """Byte for byte; by alias, by number, to a file or into a folder."""
    version = env.champion()
    folder = env.registry.download("ferry_delay", version, tmp_path / "version")
    form = (folder / ONNX).read_bytes()
    result = slipway("export", "ferry_delay", "--onnx", str(tmp_path / "delay.onnx"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "delay.onnx").read_bytes() == form
    assert (tmp_path / "delay_example.py").read_text() in result.output
    result = slipway("export", "ferry_delay", "--onnx", str(tmp_path), "--version", "1", "--json")
    facts = json.loads(result.output)
    assert Path(facts["file"]).read_bytes() == form
    assert facts["sha256"] == json.loads((folder / MANIFEST).read_text())["files"][ONNX]
    assert Path(facts["program"]).name == "ferry_delay_example.py"


def test_a_value_less_option_writes_into_the_present_folder(
    env: TrainingEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--onnx` alone writes into the current folder."""
    env.champion()
    monkeypatch.chdir(tmp_path)
    assert slipway("export", "ferry_delay", "--onnx").exit_code == 0
    assert (tmp_path / "ferry_delay.onnx").is_file()


def test_a_folder_that_is_not_there_becomes_no_file(env: TrainingEnv, tmp_path: Path) -> None:
    """A path that ends with a slash is a folder."""
    env.champion()
    result = slipway("export", "ferry_delay", "--onnx", f"{tmp_path / 'models'}/")
    assert result.exit_code == 1
    assert "there is no such folder" in result.output
    (tmp_path / "models").mkdir()
    assert slipway("export", "ferry_delay", "--onnx", f"{tmp_path / 'models'}/").exit_code == 0
    assert (tmp_path / "models" / "ferry_delay.onnx").is_file()


def test_the_program_needs_only_onnxruntime_and_numpy(env: TrainingEnv, tmp_path: Path) -> None:
    """In a fresh interpreter it prints a score, and scores rows as the pipeline does."""
    version = env.champion()
    package = load_package(env.registry.download("ferry_delay", version, tmp_path / "version"))
    slipway("export", "ferry_delay", "--onnx", str(tmp_path / "delay.onnx"))
    shown = subprocess.run(
        [sys.executable, tmp_path / "delay_example.py"], capture_output=True, text=True, check=True
    )
    assert 0 < float(shown.stdout.strip("[]\n")) < 1
    frame = ferry_dataset.crossings(days=2)[["wind", "port"]]
    frame.loc[frame.index[:9], "wind"] = np.nan
    frame.loc[frame.index[5:14], "port"] = None
    frame.loc[frame.index[14:20], "port"] = ["", " ", "nan", "Oban ", "None", "\0"]
    values = dict(zip(("wind", "port"), packages.values(package, frame), strict=True))
    rows = [{name: column[row] for name, column in values.items()} for row in range(len(frame))]
    asked = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    scores, modules = json.loads(asked.stdout)
    assert np.abs(np.array(scores) - package.predict(frame)).max() <= 1e-6
    imported = {name.partition(".")[0] for name in modules}
    assert {"slipway", "pandas", "sklearn", "onnx"}.isdisjoint(imported)


def test_another_file_is_refused(env: TrainingEnv, tmp_path: Path) -> None:
    """The program has the digest of the exported file."""
    env.champion()
    slipway("export", "ferry_delay", "--onnx", str(tmp_path / "delay.onnx"))
    with (tmp_path / "delay.onnx").open("ab") as file:
        file.write(b" ")
    asked = subprocess.run(
        [sys.executable, tmp_path / "delay_example.py"], capture_output=True, text=True, check=False
    )
    assert asked.returncode == 1
    assert "is not the file that was exported" in asked.stderr


def test_a_version_without_an_onnx_form_cannot_be_exported(
    env: TrainingEnv, tmp_path: Path
) -> None:
    """The recorded reason is printed, and nothing is written."""
    env.spec = spec(
        estimator={"name": "xgboost.XGBClassifier", "params": {"booster": "gblinear"}},
        gates={"min_holdout_rows": 1, "metrics": {"roc_auc": {}}},
    )
    env.champion()
    result = slipway("export", "ferry_delay", "--onnx", str(tmp_path / "delay.onnx"))
    assert result.exit_code == 1
    assert "conversion failed: XGBoost has an ONNX form only for `gbtree`" in result.output
    assert "hint: `slipway status ferry_delay`" in result.output
    assert not (tmp_path / "delay.onnx").exists()


@pytest.mark.parametrize("which", ["champion", "7", "best"])
def test_what_is_not_there_cannot_be_exported(env: TrainingEnv, tmp_path: Path, which: str) -> None:
    """An unknown alias, or an unknown version number."""
    del env
    result = slipway("export", "ferry_delay", "--onnx", str(tmp_path / "x"), "--version", which)
    assert result.exit_code == 1
    assert result.output.startswith("Error:")


def test_the_folder_has_to_be_there(tmp_path: Path) -> None:
    """The error comes before any download."""
    result = slipway("export", "ferry_delay", "--onnx", str(tmp_path / "no" / "delay.onnx"))
    assert result.exit_code == 1
    assert "no such folder" in result.output


def test_the_program_scores_each_class(env: TrainingEnv, tmp_path: Path) -> None:
    """A multi-class model's form, with the order of its classes in the program."""
    several = sea_states.env(tmp_path / "several")
    version = several.champion()
    env.registry.__dict__.update(several.registry.__dict__)
    result = slipway("export", "ferry_delay", "--onnx", str(tmp_path / "delay.onnx"))
    assert result.exit_code == 0, result.output
    rows = sea_states.crossings(days=1)[["wind", "port"]]
    asked = subprocess.run(
        [sys.executable, "-c", ASK],
        input=rows.to_json(orient="records"),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    scores = np.array(json.loads(asked.stdout)[0])
    folder = several.registry.download("ferry_delay", version, tmp_path / "version")
    assert np.allclose(scores, load_package(folder).predict(rows), atol=1e-6)
    assert f"CLASSES = {list(sea_states.STATES)}" in (tmp_path / "delay_example.py").read_text()
