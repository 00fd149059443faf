"""`slipway status`, `why` and `ledger`: their output about a model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway.records import ledger
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import encode, read_json
from slipway.records.verdicts import Verdict
from slipway.records.write_state import write_desired
from slipway.wiring import Container
from tests.fakes.fixed_status import FixedPlatform, FixedRegistry
from tests.support.command_line import Make, slipway
from tests.support.keys import Keys
from tests.support.rollout_leases import permit_states
from tests.support.small_specs import FILES

NEVER_ON_THE_CLOCK = "2999-01-01"


def promoted(container: Container, version: int) -> RunRef:
    """Record the promotion of a version of the model `sales`."""
    ref = RunRef("sales", f"rollout-{version:06d}", "promote_champion")
    verdict = Verdict("promoted", f"Version {version} is served.", {"version": version})
    perform(RunContext(container.store, {"by": "a test"}), ref, lambda _: verdict, inputs={})
    return ref


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


def test_status_names_what_cannot_be_a_delivery(container: Container) -> None:
    """Case 26: a file of another format, and a folder of no dataset."""
    container.store.write("landing/shop/features/a.xlsx", b"PK")
    container.store.write("landing/shopp/features/a.csv", b"id")
    output = slipway("status").output
    assert "  cannot be a delivery: landing/shop/features/a.xlsx is of no format" in output
    assert "landing/shopp belongs to no dataset; did you mean shop?" in output


def test_status_names_what_cannot_be_a_delivery_of_a_dataset_without_a_model(
    container: Container, project: Make
) -> None:
    """Once for each file; the others are named with the model."""
    dataset = FILES["datasets/shop/dataset.yaml"].replace("shop", "stock")
    project({"datasets/stock/dataset.yaml": dataset})
    container.store.write("landing/shop/features/a.xlsx", b"PK")
    container.store.write("landing/stock/features/a.xlsx", b"PK")
    lines = slipway("status").output.splitlines()
    assert sum("cannot be a delivery" in line for line in lines) == 2
    assert any(
        line.startswith("cannot be a delivery: landing/stock/features/a.xlsx is of no format")
        for line in lines
    )


def test_status_and_why_name_what_is_lost(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 4: the champion's alias was deleted; what serves goes on."""
    promoted(container, 2)
    monkeypatch.setattr(container, "registry", FixedRegistry({"previous": 1}))
    output = slipway("status").output
    assert "  lost        The champion, version 2, is lost: MLflow has the version and" in output
    assert "  served      version 2 100%\n" in output
    output = slipway("why", "sales").output
    assert len(output.splitlines()) == 6
    assert "Lost: the champion, version 2, is lost: MLflow has the version" in output


def test_status_says_that_a_challenger_was_refused(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Case 8: its alias alone looks like a version that waits."""
    registry = FixedRegistry(
        {"champion": 2, "challenger": 3}, tags={3: {"slipway.rollout": "rolled_back"}}
    )
    monkeypatch.setattr(container, "registry", registry)
    assert "  challenger  version 3 (rolled back)\n" in slipway("status").output
    (found,) = json.loads(slipway("status", "--json").output)
    assert found["blocked"] == {"3": "rolled_back"}


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
    assert "sales: 1 entry, not anchored: holds" in slipway("ledger", "verify").output
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


def test_ledger_verify_of_a_dataset_reads_the_heads_that_models_keep(container: Container) -> None:
    """Each model that uses it keeps one; all of them have to hold."""
    ref = RunRef("shop", "features-b1-000000000000", "ingest")
    verdict = Verdict("ingested", "1.")
    perform(RunContext(container.store, {"by": "a test"}), ref, lambda _: verdict, inputs={})
    assert "shop: 1 entry, not anchored: holds" in slipway("ledger", "verify").output
    container.registry.anchors = {
        "sales": ledger.Head(0, "0" * 64),
        "shop": ledger.head(container.store, "shop"),
    }
    assert "shop: 1 entry, anchored at 1: holds" in slipway("ledger", "verify", "shop").output
    container.store.delete("ledger/shop/00000001.json")
    result = slipway("ledger", "verify", "shop")
    assert result.exit_code == 1
    assert "ledger/shop ends before entry 1" in result.output


def test_ledger_verify_finds_a_ledger_that_was_deleted_whole(container: Container) -> None:
    """MLflow and the specs know of it, also where nothing of it is left in the store."""
    container.registry.anchors = {"retired": ledger.Head(12, "0" * 64)}
    result = slipway("ledger", "verify")
    assert result.exit_code == 1
    assert "retired: 0 entries, anchored at 12: broken" in result.output
    assert "sales: 0 entries, not anchored: holds" in result.output


def test_ledger_verify_names_a_desired_state_that_no_rollout_wrote(container: Container) -> None:
    """The platform does not follow it."""
    container.store.create("platform/sales/00000001.json", b"{}")
    result = slipway("ledger", "verify", "sales")
    assert result.exit_code == 1
    assert "platform/sales/00000001.json does not hold a state" in result.output
    told = slipway("status", "sales").output
    assert "forged      platform/sales/00000001.json is not followed: it does not hold" in told
    assert "Not followed: platform/sales/00000001.json" in slipway("why", "sales").output


def test_an_unsigned_state_is_named_with_the_command_that_signs_it(
    container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where keys are trusted; status, why and `ledger verify` say the same."""
    permit_states(container.store, "sales", 1, up_to=1)
    write_desired(container.store, "sales", weights={1: 1.0}, keep=[], token=1)
    assert slipway("ledger", "verify", "sales").exit_code == 0
    trusted = {"trusted_keys": Keys.make(tmp_path).public}
    monkeypatch.setattr(container, "settings", container.settings.model_copy(update=trusted))
    assert slipway("ledger", "verify", "sales").exit_code == 1
    for command in (("status", "sales"), ("why", "sales"), ("ledger", "verify", "sales")):
        told = slipway(*command).output
        assert "is not signed, and SLIPWAY_TRUSTED_KEYS is set. `slipway sign sales`" in told


def test_ledger_accept_says_who_and_why(container: Container) -> None:
    """A ledger of a restored backup is accepted by a person, and anchored anew."""
    promoted(container, 1)
    container.registry.anchors = {"sales": ledger.Head(7, "0" * 64)}
    assert slipway("ledger", "verify", "sales").exit_code == 1
    assert slipway("ledger", "accept", "sales").exit_code != 0
    result = slipway("ledger", "accept", "sales", "--reason", "Backup of Monday.")
    assert result.exit_code == 0, result.output
    newest = ledger.read(container.store, "sales")[-1]["fact"]
    assert (newest["stage"], newest["action"]) == ("accept_ledger", "accepted")
    assert newest["reason"].startswith("Backup of Monday. Accepted as it is: ledger/sales ends")
    assert newest["origin"]["by"]
    assert container.registry.anchors["sales"] == ledger.head(container.store, "sales")
    assert slipway("ledger", "verify", "sales").exit_code == 0
    again = slipway("ledger", "accept", "sales", "--reason", "Again.")
    assert "there is nothing to accept in the ledger of sales" in again.output


def test_ledger_as_of_tells_the_champion_then(container: Container) -> None:
    """At a time after its promotion a version was champion; before, there was none."""
    promoted(container, 4)
    assert "sales: version 4 since" in slipway("ledger", "as-of", NEVER_ON_THE_CLOCK).output
    assert json.loads(slipway("ledger", "as-of", "1999-01-01", "--json").output) == {}
