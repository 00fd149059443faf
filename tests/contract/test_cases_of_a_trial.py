"""A version of `slipway try --keep`: its rebuild, card and evidence, by the real adapters."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable

from tests.e2e import ferry_project
from tests.support.command_line import Make, slipway


@pytest.fixture
def kept(project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a trial that promoted version 1."""
    root = project(
        {
            "datasets/ferries/dataset.yaml": ferry_project.DATASET,
            "datasets/ferries/expectations.yaml": ferry_project.EXPECTATIONS,
            "models/ferry_delay/model.yaml": ferry_project.MODEL,
        }
    )
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    days = pd.concat([ferry_project.day(number) for number in range(3)])
    days.drop(columns="late").to_csv(tmp_path / "days.csv", index=False)
    days[["crossing", "late"]].to_csv(tmp_path / "answers.csv", index=False)
    folder = tmp_path / "kept"
    files = (str(tmp_path / "days.csv"), str(tmp_path / "answers.csv"))
    done = slipway("try", "ferry_delay", *files, "--keep", str(folder))
    assert done.exit_code == 0, done.output
    return folder


def content(folder: Path) -> dict[Path, bytes]:
    """Bytes of every file of a folder."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_version_is_reproduced_until_its_tables_are_vacuumed(kept: Path) -> None:
    """It changes nothing; without the data files of its table version it says so."""
    words = ("reproduce", "ferry_delay", "challenger", "--kept", str(kept))
    before = content(kept)
    done = slipway(*words, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["numbers"]["largest_difference"] == 0.0
    assert told["numbers"]["rows"] > 100
    assert content(kept) == before
    assert "reproduced. Version 1 of ferry_delay was built again" in slipway(*words).output
    table = DeltaTable(str(kept / "store/tables/ferries/features"))
    table.delete()
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    gone = slipway(*words)
    assert gone.exit_code == 1
    assert "version 1 of ferry_delay cannot be built again: the store could not read" in gone.output
    assert "a vacuum removes the files of older versions" in gone.output


def test_a_trial_keeps_its_model_card(kept: Path, tmp_path: Path) -> None:
    """Beside the run, as Markdown and HTML; the command prints it with what came later."""
    (run,) = (kept / "experiments/runs").glob("*/model_card.md")
    assert "# ferry_delay version 1" in run.read_text()
    assert run.with_suffix(".html").read_text().startswith("<!doctype html>")
    words = ("card", "ferry_delay", "1", "--kept", str(kept))
    printed = slipway(*words)
    assert printed.exit_code == 0, printed.output
    for line in ("## Confusion matrix", "| dataset | ferries |", "| git commit |"):
        assert line in printed.output
    target = tmp_path / "card.html"
    assert slipway(*words, "--html", "--to", str(target)).exit_code == 0
    assert "<td>ferries</td>" in target.read_text()


def test_the_evidence_of_a_trial_verifies_itself(kept: Path, tmp_path: Path) -> None:
    """With the deliveries it learnt from, and their expectations without an observed value."""
    target = tmp_path / "evidence"
    words = ("evidence", "ferry_delay", "1", str(target), "--kept", str(kept))
    done = slipway(*words)
    assert done.exit_code == 0, done.output
    assert "not in the store" not in done.output
    records = [
        one.parent.parent.name for one in (target / "store/runs/ferries").rglob("record.json")
    ]
    assert sorted(one.split("-")[0] for one in records) == ["features", "labels"]
    expectations = [json.loads(one.read_text()) for one in (target / "expectations").iterdir()]
    assert any(expectations)
    assert all("observed" not in one for results in expectations for one in results)
    verified = slipway("evidence", "--verify", str(target))
    assert verified.exit_code == 0, verified.output
    assert "2 entries of ferries, " in verified.output
    absent = slipway("evidence", "--verify", str(tmp_path / "absent"))
    assert "no complete evidence" in absent.output
    assert not (tmp_path / "absent").exists()
    again = slipway(*words)
    assert (again.exit_code, "the folder is not empty" in again.output) == (1, True)
    entry = target / "store/ledger/ferries/00000001.json"
    entry.write_text(entry.read_text().replace("ingested", "revised"))
    broken = slipway("evidence", "--verify", str(target))
    assert broken.exit_code == 1
    assert f"{entry.parent.name}/00000002.json does not follow the entry before" in broken.output


def test_a_folder_without_a_trial_is_refused(kept: Path) -> None:
    """It is named, in place of an installation that is not there."""
    result = slipway("reproduce", "ferry_delay", "1", "--kept", str(kept / "scratch"))
    assert result.exit_code == 1
    assert "the folder holds no trial" in result.output
