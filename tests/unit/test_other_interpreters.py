"""Another interpreter answers as the one of the training does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.adapters.model_package import load_package
from tests.support import packages
from tests.unit.test_runtime import HERE, OWN, saved

PROJECT = Path(__file__).resolve().parents[2]
ANSWER = """
import json, sys
from pathlib import Path
from slipway.adapters.model_package import load_package
from slipway.errors import IncompatibleRuntime
from tests.support import packages
for folder in sys.argv[1:]:
    try:
        print(json.dumps(load_package(Path(folder)).predict(packages.rows()).tolist()))
    except IncompatibleRuntime as refusal:
        print(json.dumps([refusal.expected, refusal.found]))
"""


def other_interpreters() -> Iterator[Path]:
    """Other interpreters with the same packages, set up by `make versions`."""
    lock = (PROJECT / "requirements" / "dev.txt").stat().st_mtime
    for ready in sorted(PROJECT.glob(".venv*/.ready-3.*")):
        if not ready.name.endswith(f"-{HERE}") and ready.stat().st_mtime >= lock:
            yield ready.parent / "bin" / "python"


def test_other_interpreters_answer_to_the_last_bit(tmp_path: Path) -> None:
    """Every estimator's pipeline; one with code of its own is refused there."""
    interpreters = list(other_interpreters())
    if not interpreters:
        pytest.skip("one interpreter; `make versions` makes environments of others")
    plain = [saved(tmp_path / name, name) for name in packages.ESTIMATORS]
    own = saved(tmp_path / "own", "sklearn.linear_model.Ridge", OWN)
    expected = [load_package(folder).predict(packages.rows()).tolist() for folder in plain]
    for interpreter in interpreters:
        command = [str(interpreter), "-c", ANSWER, *map(str, plain), str(own)]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
        *found, refused = map(json.loads, done.stdout.splitlines())
        assert found == expected
        assert refused[0] == f"CPython {HERE}, as in training"
