"""`slipway backtest`: a history in, a table, a page, a picture and a recommendation out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway.local.backtest import main
from tests.support.backtest_env import MODEL, write_days, write_project
from tests.support.command_line import slipway


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ferries' project, with an empty store."""
    made = write_project(tmp_path / "project")
    monkeypatch.setenv("SLIPWAY_PROJECT", str(made))
    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    return made


def test_a_turned_current_is_retrained_for(root: Path, tmp_path: Path) -> None:
    """Never retraining loses; the page has the picture and its text, and the store is unread."""
    files = write_days(tmp_path / "files", 10, turn=3)
    result = slipway(
        *("backtest", "ferry_delay", "--file", str(files), "--policies", "never,decay", "--write")
    )
    assert result.exit_code == 0, result.output
    assert "Recommended: decay" in result.output
    assert "beyond chance" in result.output
    folder = root / ".slipway/backtest/ferry_delay"
    page = (folder / "backtest.md").read_text()
    assert "](backtest.png)" in page
    assert "![roc_auc by window for 2 policies" in page
    assert (folder / "backtest.png").read_bytes().startswith(b"\x89PNG")
    kept = json.loads((folder / "backtest.json").read_text())
    assert kept["recommended"]["name"] == "decay"
    assert not (tmp_path / "store").exists()
    written = (root / "include/models/ferry_delay/model.yaml").read_text()
    assert written.replace("on_drift: false, ", "") == MODEL


def test_a_history_that_is_too_short_says_what_is_missing(root: Path, tmp_path: Path) -> None:
    """A day has fewer labels than the first training needs; without files there is a hint."""
    nothing = slipway("backtest", "ferry_delay")
    assert nothing.exit_code == 1
    assert "there is no history of ferries" in nothing.output
    files = write_days(tmp_path / "files", 1)
    short = slipway("backtest", "ferry_delay", "--file", str(files), "--policies", "never")
    assert short.exit_code == 1
    assert "no policy has served a window whose labels are known" in short.output
    assert "retraining.first_after_labels" in short.output
    assert root.is_dir()


def test_policies_without_a_name_are_refused(root: Path) -> None:
    """They stood for all of them, which takes long."""
    del root
    result = slipway("backtest", "ferry_delay", "--policies", " , ")
    assert result.exit_code == 2
    assert "names no policy; leave it out for all" in result.output


def test_ctrl_c_says_that_nothing_is_lost(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same command goes on."""
    del root

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "backtest", interrupted)
    result = slipway("backtest", "ferry_delay")
    assert result.exit_code == 130
    assert "the same command goes on from there" in result.output
