"""What a person types first, with a wheel in an environment of its own and one file."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.e2e import ferry_project
from tests.e2e.installed import Installed, running_up, started_by
from tests.support.installed_wheel import install_afresh

MODEL = "crossings_late"

pytestmark = pytest.mark.timeout(1200)


def test_a_file_becomes_a_served_model_without_the_checkout(tmp_path: Path) -> None:
    """`init`, `new`, `try`, `up` and `deliver`, a request, and Ctrl-C, which ends all of it.

    What they kept is for its owner alone, but for the specs.
    """
    python = install_afresh(tmp_path / "install")
    installed = Installed(tmp_path / "project", str(python), {"PATH": os.environ["PATH"]})
    installed.run("init", ".")
    file = tmp_path / "crossings.csv"
    ferry_project.day(0).to_csv(file, index=False)
    assert f"next: slipway try {MODEL}" in installed.run(
        "new", str(file), "--target", "late", "--yes"
    )
    installed.run("try", MODEL, str(file))
    with running_up(installed, tmp_path) as (env, running):
        assert "delivered: features crossings of crossings" in installed.run("deliver", str(file))
        env.until(lambda: env.champion(MODEL) == 1, "a champion", seconds=300)
        asked = {"crossing": ["x"], "departs": ["2024-03-02"], "wind_knots": [9.5]}
        asked |= {"cars": [40.0], "pier": ["north"]}
        known = env.client.get(f"/v2/models/{MODEL}").json()["inputs"]
        inputs = [
            {"name": one["name"], "datatype": one["datatype"], "shape": [1]}
            | {"data": asked[one["name"]]}
            for one in known
        ]
        answer = env.client.post(f"/v2/models/{MODEL}/infer", json={"inputs": inputs})
        assert answer.status_code == 200, answer.text
        assert answer.json()["model_version"] == "1"
        assert len(started_by(env)) >= 7
        assert running.up is not None
        running.up.send_signal(signal.SIGINT)
        assert running.up.wait(120) == 128 + signal.SIGINT
        assert [process.cmdline() for process in started_by(env)] == []
        assert open_to_others(tmp_path / "project/.slipway") == []
        assert (tmp_path / "project/include/models" / MODEL / "model.yaml").stat().st_mode & 0o044


def open_to_others(folder: Path) -> list[str]:
    """Files and folders that the owner's group or others can read, write or search."""
    found = [folder, *folder.rglob("*")]
    assert len(found) > 100
    return sorted(
        f"{one.relative_to(folder)} {one.lstat().st_mode & 0o777:o}"
        for one in found
        if not one.is_symlink() and one.lstat().st_mode & 0o077
    )
