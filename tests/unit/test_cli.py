"""The command line: thin, quick to start, and plain about what is wrong."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from slipway import wiring
from slipway.cli import main
from slipway.errors import PlatformUnavailable, SpecError
from slipway.records import ledger
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import encode, read_json
from slipway.records.verdicts import Verdict
from slipway.settings import Settings
from slipway.wiring import Container
from tests.fakes.fixed_status import FixedPlatform, FixedRegistry
from tests.fakes.wiring import FakeWiring
from tests.support.small_specs import FILES, MODEL

Make = Callable[[Mapping[str, str]], Path]
NEVER_ON_THE_CLOCK = "2999-01-01"


def slipway(*words: str) -> Result:
    """What a command line gives."""
    return CliRunner().invoke(main, list(words), catch_exceptions=False)


@pytest.fixture
def container(project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Container:
    """A project with one model, whose registry and platform are written down."""
    root = project(FILES)
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    container = Container(Settings())
    container.registry = FixedRegistry({"champion": 2, "previous": 1})
    monkeypatch.setattr(container, "platform_for", lambda _: FixedPlatform({2: 1.0}))
    monkeypatch.setattr(wiring, "Container", lambda: container)
    return container


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> FakeWiring:
    """Stages whose verdicts a test writes down."""
    fake = FakeWiring({})
    monkeypatch.setattr(wiring, "run_stage", fake.run_stage)
    return fake


def promoted(container: Container, version: int) -> RunRef:
    """Record the promotion of a version of the model `sales`."""
    ref = RunRef("sales", f"rollout-{version:06d}", "promote_champion")
    verdict = Verdict("promoted", f"Version {version} is served.", {"version": version})
    perform(RunContext(container.store, {"by": "a test"}), ref, lambda _: verdict, inputs={})
    return ref


def test_check_counts_what_is_fine(container: Container) -> None:
    """A project without mistakes is told in one line."""
    del container
    assert slipway("check").output == "1 dataset, 1 model: fine\n"


def test_check_prints_every_problem(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each problem is printed with file, line and hint, and the exit status is 1."""
    root = project({**FILES, "models/sales/model.yaml": f"{MODEL}widnow: 1\nowner: 5\n"})
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    result = slipway("check")
    assert result.exit_code == 1
    assert "include/models/sales/model.yaml:15: widnow: unknown field" in result.output
    assert "include/models/sales/model.yaml:16: owner: given 5" in result.output
    assert result.output.endswith("2 problems; 1 dataset, 0 models are fine\n")


def test_check_as_json(project: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON, a problem's parts stand by themselves."""
    root = project({**FILES, "models/sales/model.yaml": f"{MODEL}runtme: local\n"})
    monkeypatch.setenv("SLIPWAY_PROJECT", str(root))
    result = slipway("check", "--json")
    report = json.loads(result.output)
    assert (result.exit_code, report["datasets"], report["models"]) == (1, ["shop"], [])
    (problem,) = report["problems"]
    assert (problem["line"], problem["field"], problem["nearest"]) == (15, "runtme", "runtime")


def test_run_hands_on_what_was_given(stages: FakeWiring) -> None:
    """A stage gets the options that were given, and no others."""
    stages.verdicts = {"train": Verdict("trained", "Done.", {"rows": 7}, {"model": "runs/x"})}
    result = slipway("run", "train", "--model", "sales", "--request", "3")
    assert stages.asked == [("train", {"model": "sales", "request": 3})]
    assert result.output.splitlines() == ["train: trained. Done.", "  rows   7", "  model  runs/x"]


def test_run_says_who_asked(stages: FakeWiring, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pod the task's origin is passed on; in a shell the person is named."""
    slipway("run", "accept", "--model", "sales", "--reason", "new data")
    assert stages.asked == [("accept", {"model": "sales", "reason": "new data"})]
    assert stages.origins[0]["by"] == getpass.getuser()
    monkeypatch.setenv("SLIPWAY_ORIGIN", json.dumps({"dag_id": "sales__train"}))
    slipway("run", "train", "--model", "sales", "--request", "3")
    assert stages.origins[1] == {"dag_id": "sales__train"}


def test_run_as_json(stages: FakeWiring) -> None:
    """As JSON, the whole run record is printed."""
    stages.verdicts = {"gate": Verdict("refuse", "Worse.")}
    record = json.loads(slipway("run", "gate", "--model", "sales", "--json").output)
    assert record["verdict"]["action"] == "refuse"


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
def test_what_is_not_understood_exits_with_2(words: tuple[str, ...]) -> None:
    """A command line that makes no sense is refused before anything runs."""
    assert slipway(*words).exit_code == 2


@pytest.mark.parametrize(
    "error", [SpecError("no", hint="mend it"), PlatformUnavailable("no", hint="mend it")]
)
def test_own_error_has_its_lines_and_no_traceback(stages: FakeWiring, error: Exception) -> None:
    """One of Slipway's own errors is printed with its hint; the exit status is 1."""
    stages.verdicts = {"train": error}
    result = slipway("run", "train", "--model", "sales", "--request", "3")
    assert (result.exit_code, result.stderr) == (1, "Error: no\n  hint: mend it\n")


def test_missing_argument_of_a_stage_is_named(container: Container) -> None:
    """A stage that lacks an argument says which."""
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


def test_rollback_goes_through_every_stage(stages: FakeWiring) -> None:
    """A rollback reconciles, verifies, switches and promotes, all in one rollout."""
    stages.verdicts = ROLLED_BACK
    result = slipway("rollback", "sales")
    assert result.exit_code == 0
    assert [stage for stage, _ in stages.asked] == list(ROLLED_BACK)
    assert stages.asked[0][1] == {"model": "sales", "to": "previous"}
    assert {given["rollout"] for _, given in stages.asked[1:]} == {"rollout-000001"}
    assert len({origin["run_id"] for origin in stages.origins}) == 1
    assert "Version 1 is served." in result.output


def test_rollback_puts_a_champion_back_that_shares_its_traffic(stages: FakeWiring) -> None:
    """What reconcile has repaired is verified and read back like any other way back."""
    stages.verdicts = {**ROLLED_BACK, "reconcile": Verdict("repair", "Version 3 shared it.")}
    result = slipway("rollback", "sales")
    assert result.exit_code == 0
    assert [stage for stage, _ in stages.asked] == list(ROLLED_BACK)


def test_a_step_is_run_by_its_percentage(stages: FakeWiring) -> None:
    """As a number, and within bounds."""
    given = ("--model", "sales", "--rollout", "rollout-000001")
    assert slipway("run", "shift", *given, "--step", "10").exit_code == 0
    arguments = {"model": "sales", "rollout": "rollout-000001", "step": 10}
    assert stages.asked == [("shift", arguments)]
    assert slipway("run", "shift", *given, "--step", "100").exit_code == 2


@pytest.mark.parametrize(
    ("stage", "verdict"),
    [
        ("reconcile", Verdict("nothing", "It is served already.")),
        ("verify", Verdict("refused", "Too slow.")),
        ("switch", Verdict("aborted", "Taken back.")),
    ],
)
def test_rollback_stops_where_it_fails(stages: FakeWiring, stage: str, verdict: Verdict) -> None:
    """After a verdict that ends a rollout nothing more is done, and the exit status is 1."""
    stages.verdicts = {**ROLLED_BACK, stage: verdict}
    result = slipway("rollback", "sales", "--json")
    report = json.loads(result.output)
    assert (result.exit_code, report["rolled_back"]) == (1, False)
    assert [name for name, _ in stages.asked][-1] == stage


def test_status_tells_how_models_stand(container: Container) -> None:
    """Aliases, traffic and last verdicts of each model are printed."""
    promoted(container, 2)
    output = slipway("status").output
    assert "  champion    version 2\n" in output
    assert "  engine      version 2 sklearn: no reason is recorded\n" in output
    assert "  served      version 2 100%\n" in output
    assert "promote_champion: promoted. Version 2 is served." in output
    (found,) = json.loads(slipway("status", "sales", "--json").output)
    assert found["aliases"] == {"champion": 2, "challenger": None, "previous": 1}


def test_status_says_which_model_is_scored_in_batches(
    container: Container, project: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked where batch models stand, and has no engine but its pipeline."""
    project({"models/sales/model.yaml": FILES["models/sales/model.yaml"] + "deployment: batch\n"})
    monkeypatch.setattr(container, "platform_for", lambda _: FixedPlatform({1: 1.0}))
    output = slipway("status").output
    assert "  served      version 1 100% (batch)\n" in output
    assert "engine" not in output
    (found,) = json.loads(slipway("status", "--json").output)
    assert (found["target"], found["weights"]) == ("batch", {"1": 1.0})


def test_status_of_nobody_names_the_models(container: Container) -> None:
    """A model that does not exist is answered with those that do."""
    del container
    result = slipway("status", "sails")
    assert result.exit_code == 1
    assert "did you mean 'sales'?" in result.stderr


def test_why_is_five_lines(container: Container) -> None:
    """The story of a model has five lines, in words and as JSON."""
    promoted(container, 2)
    assert len(slipway("why", "sales").output.splitlines()) == 5
    assert len(json.loads(slipway("why", "sales", "--json").output)["lines"]) == 5


def test_ledger_shows_who_did_what(container: Container) -> None:
    """Entries are shown oldest first; `--last` shows the newest ones only."""
    for version in (1, 2, 3):
        promoted(container, version)
    entries = json.loads(slipway("ledger", "show", "sales", "--json").output)
    assert [entry["sequence"] for entry in entries] == [1, 2, 3]
    output = slipway("ledger", "show", "--last", "2").output
    assert "rollout-000001" not in output
    assert output.index("rollout-000002") < output.index("rollout-000003")


def test_ledger_verify_finds_an_edit(container: Container) -> None:
    """An unchanged ledger holds; after an edit of a record the exit status is 1."""
    ref = promoted(container, 1)
    assert "sales: 1 entries, not anchored: holds" in slipway("ledger", "verify").output
    record = read_json(container.store, ref.key)
    record["verdict"]["reason"] = "Something nicer."
    container.store.write(ref.key, encode(record))
    result = slipway("ledger", "verify")
    assert result.exit_code == 1
    assert f"its record {ref.key} was changed" in result.output


def test_ledger_verify_needs_the_anchor(container: Container) -> None:
    """A ledger that was cut off is found by its anchor; without MLflow that has to be waived."""
    promoted(container, 1)
    container.registry.anchors = {"sales": ledger.Head(2, "0" * 64)}
    assert slipway("ledger", "verify", "sales").exit_code == 1
    container.registry.answers = False
    assert slipway("ledger", "verify").exit_code == 1
    assert slipway("ledger", "verify", "--without-anchor").exit_code == 0


def test_ledger_as_of_tells_the_champion_then(container: Container) -> None:
    """At a time after its promotion a version was champion; before, there was none."""
    promoted(container, 4)
    assert "sales: version 4 since" in slipway("ledger", "as-of", NEVER_ON_THE_CLOCK).output
    assert json.loads(slipway("ledger", "as-of", "1999-01-01", "--json").output) == {}


def test_sample_is_made_by_the_dataset(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dataset's own `sample.py` writes the files, where it is told to."""
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
    """Three pages are written."""
    slipway("reference", "--write", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cli.md", "settings.md", "specs.md"]
