"""`slipway new` writes specs that pass the check, or nothing at all, and says why."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from slipway.cli.commands import commands
from slipway.spec.loading import load_all
from slipway.spec.problems import Problem
from slipway.wiring import new_specs, written_specs
from tests.support.new_specs import ROWS, binary, csv_file, planned


def new(file: Path, *options: str) -> Result:
    """The command with its guesses."""
    return CliRunner().invoke(commands, ["new", str(file), "--yes", *options])


def specs_of(home: Path) -> list[str]:
    """Everything below `include/datasets` and `include/models`, and what is hidden beside."""
    include = home / "include"
    found = [*include.glob("datasets/*/*"), *include.glob("models/*/*"), *include.glob(".*")]
    return sorted(str(one.relative_to(include)) for one in found)


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    """A file of houses that are sold or not."""
    return csv_file(binary(), tmp_path / "houses.csv")


@pytest.mark.parametrize("header", ["id,city,city,returned", "id,review,review ,returned"])
def test_a_file_without_a_usable_feature_is_refused_with_each_reason(
    header: str, tmp_path: Path, home: Path
) -> None:
    """Nothing is written, so nothing breaks the project's check."""
    lines = [
        f"{one},text {one} of its own,b{one},{'yes' if one % 3 else 'no'}" for one in range(90)
    ]
    file = tmp_path / "dup.csv"
    file.write_text("\n".join([header, *lines]) + "\n")
    before = specs_of(home)
    result = new(file)
    assert result.exit_code == 1
    assert "no column is left that a model could learn from" in result.output
    assert "id: key" in result.output
    assert "returned: target" in result.output
    assert "hint: name another target with --target" in result.output
    assert specs_of(home) == before
    assert CliRunner().invoke(commands, ["check"]).exit_code == 0


def test_specs_that_would_not_pass_the_check_are_not_written(
    houses: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check is that of the command, arguments of expectations included."""
    problem = Problem("include/models/houses_sold/model.yaml", 3, "gates", "is wrong")
    real = written_specs.inspect_project

    def refuse(project: Path, loaded: object, **options: object) -> object:
        checked = real(project, loaded, **options)  # type: ignore[arg-type]
        assert set(checked.models) == {"houses_sold"}
        return type(checked)(checked.datasets, {}, (problem,))

    monkeypatch.setattr(written_specs, "inspect_project", refuse)
    before = specs_of(home)
    result = new(houses)
    assert "would not pass `slipway check`" in result.output
    assert "model.yaml:3: gates: is wrong" in result.output
    assert specs_of(home) == before


@pytest.mark.parametrize("failing", [1, 2])
def test_nothing_stays_behind_after_a_failure(
    failing: int, houses: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of the dataset, whose folder was renamed already, nor hidden; then it works."""
    real, renamed = Path.rename, list[Path]()

    def rename(source: Path, goal: Path) -> Path:
        renamed.append(goal)
        if len(renamed) == failing:
            raise SystemExit(143)
        return real(source, goal)

    before = specs_of(home)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", rename)
        assert new(houses).exit_code == 143
    assert specs_of(home) == before
    assert new(houses).exit_code == 0
    assert len(specs_of(home)) == len(before) + 3


def test_what_a_killed_process_left_is_removed_by_the_next_one(houses: Path, home: Path) -> None:
    """Not what belongs to a process that runs."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    old, own = home / f"include/.new-{ended.pid}-x", home / f"include/.new-{os.getpid()}-x"
    for one in (old, own, home / "include/.new-by-an-earlier-release"):
        one.mkdir()
    assert new(houses).exit_code == 0
    assert [one.name for one in home.glob("include/.new-*")] == [own.name]
    assert load_all(home).problems == ()


def test_of_two_at_once_the_later_one_is_told(
    houses: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other has written the folders between the look and the rename."""
    real = written_specs.inspect_project

    def meanwhile(*given: Any, **named: Any) -> Any:
        for folder in ("datasets/houses", "models/houses_sold"):
            (home / "include" / folder).mkdir(parents=True)
            (home / "include" / folder / "theirs.yaml").write_text("theirs")
        return real(*given, **named)

    monkeypatch.setattr(written_specs, "inspect_project", meanwhile)
    result = new(houses)
    assert result.exit_code == 1
    assert "nothing was written, since nothing is overwritten" in result.output
    assert "include/datasets/houses" in result.output
    assert not [*home.glob("include/*/*/dataset.yaml"), *home.glob("include/.new-*")]


def test_a_full_disk_is_told(houses: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that has no room names no file, and is no traceback."""
    real = Path.write_text

    def full(path: Path, *given: Any, **named: Any) -> int:
        if path.name == "model.yaml":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, *given, **named)

    before = specs_of(home)
    monkeypatch.setattr(Path, "write_text", full)
    result = new(houses)
    assert (result.exit_code, specs_of(home)) == (1, before)
    assert "found: No space left on device" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "solt"], "did you mean 'sold'?"),
        (["--target", "sold"], "nothing is overwritten"),
        ([], "nothing is overwritten"),
        (["--key", "nowhere", "--name", "other"], "the file has no column 'nowhere'"),
        (["--event-time", "nowhen", "--name", "other"], "the file has no column 'nowhen'"),
    ],
)
def test_what_the_header_tells_is_refused_before_the_file_is_read(
    options: list[str], message: str, houses: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong name of a column, and a dataset or a model that is there already."""
    assert new(houses).exit_code == 0
    before = specs_of(home)
    monkeypatch.delattr(new_specs, "_measure")
    result = new(houses, *options)
    assert (result.exit_code, message in result.output) == (1, True), result.output
    assert specs_of(home) == before


def test_a_second_target_of_a_dataset_gets_a_model_on_it(tmp_path: Path, home: Path) -> None:
    """Once the dataset has it as a label; until then the command says how."""
    frame = binary().assign(repaired=["yes" if one % 4 else "no" for one in range(ROWS)])
    file = csv_file(frame, tmp_path / "houses.csv")
    assert new(file, "--target", "sold").exit_code == 0
    refused = new(file, "--target", "Repaired")
    assert "'repaired' is no label of dataset houses" in refused.output
    assert "move its line from `streams.features` to `streams.labels`" in refused.output
    dataset = home / "include/datasets/houses/dataset.yaml"
    lines = dataset.read_text().splitlines()
    [moved] = [one for one in lines if one.startswith("      repaired:")]
    lines.remove(moved)
    dataset.write_text("\n".join([*lines, moved.replace(", in_key: false", "")]) + "\n")
    model = home / "include/models/houses_sold/model.yaml"
    model.write_text(model.read_text().replace("    - repaired", "#"))
    written = dataset.read_text()
    result = new(file, "--target", "repaired")
    assert result.exit_code == 0, result.output
    assert "wrote include/models/houses_repaired/model.yaml" in result.output
    assert "key         row: the dataset has it" in result.output
    assert "event time  arrival: the dataset has it" in result.output
    assert "does not cover" not in result.output
    loaded = load_all(home)
    assert [str(one) for one in loaded.problems] == []
    made = loaded.models["houses_repaired"]
    assert (made.dataset, made.target) == ("houses", "repaired")
    assert "sold" not in (*made.features.numeric, *made.features.categorical)
    assert dataset.read_text() == written


def test_a_dataset_of_other_files_is_not_taken_for_that_of_a_second_target(
    houses: Path, tmp_path: Path, home: Path
) -> None:
    """Its columns tell, and --name is named."""
    assert new(houses).exit_code == 0
    other = csv_file(pd.DataFrame({"a": range(ROWS), "b": 1}), tmp_path / "houses.csv.gz")
    result = new(other, "--target", "a")
    assert "a dataset houses is there, of other files" in result.output
    assert "--name makes a dataset with another name" in result.output
    given = new(houses, "--target", "sold", "--key", "row", "--name", "more")
    assert given.exit_code == 0, given.output
    del home


def test_a_plan_without_features_is_never_written(tmp_path: Path, home: Path) -> None:
    """Not by the function either, which other commands may call."""
    file = csv_file(binary()[["district", "sold"]].assign(district="one"), tmp_path / "a.csv")
    with pytest.raises(written_specs.BadParameter, match="no column is left"):
        written_specs.write_specs(planned(file), home)
