"""The command line: `check`, `run`, `rollback`, `sample` and `reference`, and its errors."""

from __future__ import annotations

import getpass
import json
from datetime import datetime
from pathlib import Path

import pytest

from slipway import wiring
from slipway.errors import PlatformUnavailable, SpecError
from slipway.records.verdicts import Verdict
from slipway.wiring import Container
from tests.fakes.wiring import FakeWiring
from tests.support.command_line import Make, slipway
from tests.support.small_specs import FILES, MODEL


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> FakeWiring:
    """A fake of the stages."""
    fake = FakeWiring({})
    monkeypatch.setattr(wiring, "run_stage", fake.run_stage)
    return fake


def test_check_counts_what_is_fine(container: Container) -> None:
    """A project without mistakes has a line of its rollouts, and one that counts."""
    del container
    rollout, keys, counted = slipway("check").output.splitlines()
    assert keys == "versions are not signed; none has to be"
    assert rollout.startswith(
        "rollout of sales: at each step (10 %, 50 %) a version with 0.5 % err"
    )
    assert "passes after about 500 requests to it; one with 3 % is aborted after about " in rollout
    assert counted == "1 dataset, 1 model: fine"


def test_check_prints_every_problem(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each problem is printed with file, line and hint, and the exit status is 1."""
    root = project({**FILES, "models/sales/model.yaml": f"{MODEL}widnow: 1\nowner: 5\n"})
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    result = slipway("check")
    assert result.exit_code == 1
    assert "include/models/sales/model.yaml:15: widnow: unknown field" in result.output
    assert "include/models/sales/model.yaml:16: owner: given 5" in result.output
    assert result.output.endswith("2 problems; fine: 1 dataset, 0 models\n")


def test_check_as_json(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """In JSON each part of a problem is a field."""
    root = project({**FILES, "models/sales/model.yaml": f"{MODEL}runtme: local\n"})
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    result = slipway("check", "--json")
    report = json.loads(result.output)
    assert (result.exit_code, report["datasets"], report["models"]) == (1, ["shop"], [])
    (problem,) = report["problems"]
    assert (problem["line"], problem["field"], problem["nearest"]) == (15, "runtme", "runtime")


def test_run_passes_given_options(stages: FakeWiring) -> None:
    """A stage gets the given options, and no others."""
    stages.verdicts = {"train": Verdict("trained", "Done.", {"rows": 7}, {"model": "runs/x"})}
    result = slipway("run", "train", "--model", "sales", "--request", "3")
    assert stages.asked == [("train", {"model": "sales", "request": 3})]
    assert result.output.splitlines() == ["train: trained. Done.", "  rows   7", "  model  runs/x"]


def test_an_accepted_request_tells_when_its_training_starts(
    stages: FakeWiring, project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the shell nothing starts it: a run of the DAG does, of which the sweep is the last."""
    monkeypatch.setenv("SLIPWAY_PROJECT", str(project(FILES)))
    stages.verdicts = {"accept": Verdict("accept", "Request 1 (person): try it", {"request": 1})}
    for words in (("run", "accept", "--model", "sales"), ("approve", "sales", "1")):
        *_, last = slipway(*words).output.splitlines()
        assert last.startswith("It trains in the next run of sales__train: ")
        assert "at the latest by its sweep (*/15 * * * *)" in last
    stages.verdicts = {"accept": Verdict("suppress", "Another one is in flight.")}
    assert "It trains" not in slipway("run", "accept", "--model", "sales").output


def test_run_records_its_origin(stages: FakeWiring, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pod the task's origin, in a shell the person."""
    slipway("run", "accept", "--model", "sales", "--reason", "new data")
    assert stages.asked == [("accept", {"model": "sales", "reason": "new data"})]
    assert stages.origins[0]["by"] == getpass.getuser()
    monkeypatch.setenv("SLIPWAY_ORIGIN", json.dumps({"dag_id": "sales__train"}))
    slipway("run", "train", "--model", "sales", "--request", "3")
    assert stages.origins[1] == {"dag_id": "sales__train"}


def test_a_repeated_run_says_when_its_verdict_was_recorded(stages: FakeWiring) -> None:
    """Whoever gives the command again learns that nothing was done again."""
    stages.verdicts = {"gate": Verdict("refuse", "Worse.")}
    first = slipway("run", "gate", "--model", "sales", "--request", "3")
    assert "Recorded" not in first.output
    stages.finished_at = "2026-01-02T03:04:05+00:00"
    again = slipway("run", "gate", "--model", "sales", "--request", "3")
    assert again.output.endswith("Recorded 2026-01-02 03:04:05 UTC; nothing was done again.\n")


def test_a_listing_names_what_it_lists(stages: FakeWiring) -> None:
    """Each piece of work has a line with its inputs."""
    stages.partitions = [{"model": "sales", "partition": "2013-05", "scoring": "score-x"}]
    lines = slipway("run", "partitions", "--model", "sales").output.splitlines()
    assert lines[-1] == "  partitions: model=sales partition=2013-05 scoring=score-x"


def test_run_as_json(stages: FakeWiring) -> None:
    """As JSON, the whole run record is printed."""
    stages.verdicts = {"gate": Verdict("refuse", "Worse.")}
    record = json.loads(slipway("run", "gate", "--model", "sales", "--json").output)
    assert record["verdict"]["action"] == "refuse"


@pytest.mark.parametrize(
    ("action", "status"),
    [("ingested", 0), ("duplicate", 0), ("blocked", 1), ("refuse", 1), ("inconclusive", 1)],
)
def test_a_verdict_that_refuses_exits_with_1(stages: FakeWiring, action: str, status: int) -> None:
    """A cron job stops there; a pod's task reads the outcome instead."""
    stages.verdicts = {"ingest": Verdict(action, "So.")}
    words = ("run", "ingest", "--dataset", "shop", "--json")
    result = slipway(*words)
    assert result.exit_code == status
    assert json.loads(result.output)["verdict"]["action"] == action
    assert slipway(*words, "--outcome", "outcomes/x.json").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("run", "trian"),
        ("run", "train", "--request", "0"),
        ("run", "train", "--origin", "[1]"),
        ("run", "train", "--origin", "{"),
        ("ledger", "as-of", "yesterday"),
        ("launch",),
    ],
)
def test_an_invalid_command_line_exits_with_2(words: tuple[str, ...]) -> None:
    """It is refused before any stage runs."""
    assert slipway(*words).exit_code == 2


@pytest.mark.parametrize(
    "error", [SpecError("no", hint="mend it"), PlatformUnavailable("no", hint="mend it")]
)
def test_own_error_has_its_lines_and_no_traceback(stages: FakeWiring, error: Exception) -> None:
    """An error of Slipway is printed with its hint; the exit status is 1."""
    stages.verdicts = {"train": error}
    result = slipway("run", "train", "--model", "sales", "--request", "3")
    assert (result.exit_code, result.stderr) == (1, "Error: no\n  hint: mend it\n")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("SLIPWAY_MAX_ROWS", "0", "'0'"),
        ("SLIPWAY_LOG_ROLL_SECONDS", "abc", "'abc'"),
        ("SLIPWAY_MAX_ROWS", "nan", "'nan'"),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, shown: str
) -> None:
    """As the environment has it, with its value and where settings are described."""
    monkeypatch.setenv(name, value)
    result = slipway("check")
    assert result.exit_code == 1
    assert f"the setting {name} is not valid" in result.stderr
    assert f"found: {shown}" in result.stderr
    assert "hint: " in result.stderr


def test_a_package_that_is_not_installed_is_asked_for_by_its_extra(stages: FakeWiring) -> None:
    """The wheel alone holds no library of the stages."""
    stages.verdicts = {"train": ModuleNotFoundError("No module named 'pandas'", name="pandas")}
    result = slipway("run", "train", "--model", "sales", "--request", "3")
    assert result.exit_code == 1
    assert "expected: pandas" in result.stderr
    assert "slipway-airflow[stages]" in result.stderr


def test_missing_argument_of_a_stage_is_named(container: Container) -> None:
    """The error names the option."""
    del container
    result = slipway("run", "train", "--model", "sales")
    assert result.exit_code == 1
    assert "--request" in result.stderr


ROLLED_BACK = {
    "reconcile": Verdict("roll_back", "Back to 1."),
    "verify": Verdict("verified", "Fine."),
    "switch": Verdict("switched", "Answers."),
    "promote_champion": Verdict("promoted", "Version 1 is served."),
}


@pytest.mark.usefixtures("container")
def test_rollback_goes_through_every_stage(stages: FakeWiring) -> None:
    """A rollback reconciles, verifies, switches and promotes, all in one rollout."""
    stages.verdicts = ROLLED_BACK
    result = slipway("rollback", "sales")
    assert result.exit_code == 0
    assert [stage for stage, _ in stages.asked] == list(ROLLED_BACK)
    asked_at = stages.asked[0][1].pop("asked_at")
    assert datetime.fromisoformat(asked_at).tzinfo is not None
    assert stages.asked[0][1] == {"model": "sales", "to": "previous"}
    assert {given["rollout"] for _, given in stages.asked[1:]} == {"rollout-000001"}
    assert len({origin["run_id"] for origin in stages.origins}) == 1
    assert "Version 1 is served." in result.output


@pytest.mark.usefixtures("container")
def test_rollback_puts_a_champion_back_that_shares_its_traffic(stages: FakeWiring) -> None:
    """A repaired champion is verified and read back like any other rollback."""
    stages.verdicts = {**ROLLED_BACK, "reconcile": Verdict("repair", "Version 3 shared it.")}
    result = slipway("rollback", "sales")
    assert result.exit_code == 0
    assert [stage for stage, _ in stages.asked] == list(ROLLED_BACK)


@pytest.mark.usefixtures("container")
def test_a_rollback_that_another_one_has_fulfilled_takes_no_step(stages: FakeWiring) -> None:
    """One wish is one step back."""
    stages.verdicts = {"reconcile": Verdict("nothing", "Version 1 was restored meanwhile.")}
    result = slipway("rollback", "sales", "--json")
    assert (result.exit_code, json.loads(result.output)["rolled_back"]) == (0, True)
    assert [name for name, _ in stages.asked] == ["reconcile"]


def test_a_step_is_run_by_its_percentage(stages: FakeWiring) -> None:
    """As a number within bounds."""
    given = ("--model", "sales", "--rollout", "rollout-000001")
    assert slipway("run", "shift", *given, "--step", "10").exit_code == 0
    arguments = {"model": "sales", "rollout": "rollout-000001", "step": 10}
    assert stages.asked == [("shift", arguments)]
    assert slipway("run", "shift", *given, "--step", "100").exit_code == 2


@pytest.mark.parametrize(
    ("stage", "verdict"),
    [
        ("verify", Verdict("refused", "Too slow.")),
        ("switch", Verdict("aborted", "Taken back.")),
    ],
)
@pytest.mark.usefixtures("container")
def test_rollback_stops_where_it_fails(stages: FakeWiring, stage: str, verdict: Verdict) -> None:
    """After a verdict that ends the rollout no stage runs, and the exit status is 1."""
    stages.verdicts = {**ROLLED_BACK, stage: verdict}
    result = slipway("rollback", "sales", "--json")
    report = json.loads(result.output)
    assert (result.exit_code, report["rolled_back"]) == (1, False)
    assert [name for name, _ in stages.asked][-1] == stage


def test_sample_is_made_by_the_dataset(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dataset's own `sample.py` writes the files into the given folder."""
    source = (
        "def make(target, *, progress):\n"
        "    file = target / 'a.csv'\n"
        "    file.write_text('id')\n"
        "    return [file]\n"
    )
    monkeypatch.setenv(
        "SLIPWAY_PROJECT", str(project({**FILES, "datasets/shop/sample.py": source}))
    )
    result = slipway("sample", "shop", "--to", str(tmp_path / "made"), "--json")
    assert json.loads(result.stdout)["files"] == [str(tmp_path / "made" / "a.csv")]
    result = slipway("sample", "nothing")
    assert (result.exit_code, "sample.py" in result.stderr) == (1, True)


def test_reference_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    """The three pages are written into the given folder."""
    slipway("reference", "--write", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cli.md", "settings.md", "specs.md"]
