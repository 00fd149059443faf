"""Commands that may work on an installation find that of `slipway up`, where they need one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.cli import local_installation
from slipway.cli.kept_trial import container_of
from slipway.cli.local_installation import ADDRESSES
from slipway.local.ownership import owned
from slipway.local.running import Running, remove_running, up_folder, write_running
from tests.support.command_line import Make, slipway
from tests.support.small_specs import FILES

RUNNING = Running("/nowhere/store", "http://127.0.0.1:9", "http://127.0.0.1:10", "http://x")
USED = f"the installation of `slipway up` is used: {RUNNING.store}\n"


@pytest.fixture
def up(project: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project whose `slipway up` runs."""
    root = project(FILES)
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    for name in ADDRESSES:
        monkeypatch.setenv(name, "")
    with owned(up_folder(root)):
        write_running(root, RUNNING)
        yield root
    remove_running(root)


def test_card_evidence_and_reproduce_find_it(up: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They read a version where it was trained."""
    del up
    settings = container_of(None).settings
    assert (settings.store, settings.mlflow) == (RUNNING.store, RUNNING.mlflow)
    assert capsys.readouterr().err == USED


def test_a_kept_trial_is_read_in_place_of_it(
    up: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """So nothing is said of it."""
    del up
    (tmp_path / "kept" / "store").mkdir(parents=True)
    assert container_of(tmp_path / "kept").settings.store != RUNNING.store
    assert capsys.readouterr().err == ""


def test_try_says_so_where_it_takes_what_has_landed(up: Path) -> None:
    """With files of its own it reads no store."""
    assert slipway("try", "no_such_model").stderr.startswith(USED)
    assert USED not in slipway("try", "no_such_model", str(up / "rows.csv")).stderr


def test_every_command_that_works_on_an_installation_finds_it() -> None:
    """One that runs a stage or opens the container would else look into an empty store."""
    folder = Path(local_installation.__file__).parent
    works = {
        file.stem
        for file in folder.glob("*.py")
        if "run_stage(" in file.read_text() or "wiring.Container()" in file.read_text()
    }
    # Parts of others, a command that parses a file, and the programs of images.
    others = {"kept_trial", "output", "parse", "serve"}
    assert works - others <= local_installation.USERS
