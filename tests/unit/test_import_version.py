"""Import of a version from staging into production: same bytes, with its evidence, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway.errors import RegistryUnavailable
from slipway.records import ledger
from slipway.records.store import digest
from slipway.stages.card.card import MARKDOWN, card_files
from slipway.stages.model.version_tags import DIGEST, SHIP
from slipway.stages.report.version_case import read_case
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG
from tests.fakes.kill_points import Killed, KillPoint
from tests.fakes.mlflow import MemoryRegistry
from tests.support import ferry_dataset
from tests.support.environments import Environment, count_versions, spec

NAME = spec().model


def files(env: Environment, version: int, to: Path) -> dict[str, bytes]:
    """Files of a version by name."""
    folder = env.training.registry.download(NAME, version, to)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_bytes_come_unchanged_and_the_deploy_stages_take_them(
    staging: Environment, production: Environment, tmp_path: Path
) -> None:
    """Every file is equal, and the version is rolled out like any other."""
    brought = production.bring(staging)
    assert brought.action == "brought"
    assert files(production, 1, tmp_path / "a") == files(staging, 1, tmp_path / "b")
    assert production.challenger() == 1
    assert production.roll() == ["roll_out", "verified", "switched", "promoted"]
    assert production.champion() == 1


def test_run_params_metrics_and_files_come_along(
    staging: Environment, production: Environment
) -> None:
    """The run in MLflow has them, with its origin."""
    theirs = next(iter(staging.training.tracking.runs.values()))
    theirs.files["report/card.html"] = b"<p>a model</p>"
    brought = production.bring(staging)
    ours = production.training.tracking.runs[brought.evidence["mlflow_run"]]
    assert (ours.params, ours.metrics, ours.status) == (theirs.params, theirs.metrics, "FINISHED")
    assert ours.tables == theirs.tables
    assert ours.files["report/card.html"] == b"<p>a model</p>"
    assert ours.tags["slipway.reason"] == theirs.tags["slipway.reason"]
    assert ours.tags["slipway.source.registry"] == "memory://staging"


def test_tags_say_where_a_version_comes_from_and_who_brought_it(
    staging: Environment, production: Environment
) -> None:
    """Registry, version, run, rollout, ledger and person; nothing of the source's aliases."""
    production.bring(staging)
    theirs, ours = (env.training.registry.version(NAME, 1).tags for env in (staging, production))
    source = {name: ours[f"slipway.source.{name}"] for name in ("registry", "version", "digest")}
    assert source == {"registry": "memory://staging", "version": "1", "digest": theirs[DIGEST]}
    assert ours["slipway.source.run"] == "request-000001"
    assert ours["slipway.source.rollout"] == "rollout-000001"
    assert ours["slipway.source.brought_by"] == "ada"
    assert ours["slipway.metric.roc_auc"] == theirs["slipway.metric.roc_auc"]
    assert ROLLOUT_TAG not in ours


def test_the_source_records_lie_here_and_their_digests_are_in_the_ledger(
    staging: Environment, production: Environment
) -> None:
    """The gate's verdict can be read in production without staging."""
    brought = production.bring(staging)
    store = production.training.store
    index = store.read(brought.evidence["records"])
    assert digest(index) == brought.evidence["records_sha256"]
    folder = brought.evidence["records"].rpartition("/")[0]
    names = json.loads(index)
    assert {"request-000001/gate", "rollout-000001/verify", "rollout-000001/switch"} <= set(names)
    for name, sha256 in names.items():
        data = store.read(f"{folder}/evidence/{name}.json")
        assert digest(data) == sha256
        assert data == staging.training.store.read(f"runs/{NAME}/{name}/record.json")
    facts = [entry["fact"] for entry in ledger.read(store, NAME)]
    assert [(fact["stage"], fact["action"]) for fact in facts] == [
        ("copy", "copied"),
        ("bring", "brought"),
    ]
    assert ledger.verify(store, NAME, anchor=production.training.registry.anchored(NAME)) == []


def test_a_repeat_is_the_same_version(staging: Environment, production: Environment) -> None:
    """Before its rollout here, and after it."""
    production.bring(staging)
    assert production.bring(staging).action == "known"
    production.roll()
    assert production.bring(staging).action == "known"
    assert count_versions(production) == 1
    assert len(production.training.tracking.runs) == 1


def test_a_kill_at_any_write_leaves_one_version(staging: Environment, tmp_path: Path) -> None:
    """A repeat of a killed command ends in the same state."""
    writes, done = 0, False
    while not done:
        production = Environment.in_memory(f"production-{writes}", tmp_path)
        try:
            production.killed_at(KillPoint(writes)).bring(staging)
            done = True
        except Killed:
            assert production.bring(staging).action in {"brought", "known"}
        assert count_versions(production) == 1
        assert production.challenger() == 1
        store, registry = production.training.store, production.training.registry
        facts = [entry["fact"]["stage"] for entry in ledger.read(store, NAME)]
        assert facts == ["copy", "bring"]
        assert ledger.verify(store, NAME, anchor=registry.anchored(NAME)) == []
        assert registry.anchored(NAME) == ledger.head(store, NAME)
        writes += 1
    assert writes > 12


def test_a_version_goes_on_to_a_third_environment(
    staging: Environment, production: Environment, tmp_path: Path
) -> None:
    """It brings the records of both earlier environments."""
    production.bring(staging)
    production.roll()
    third = Environment.in_memory("third", tmp_path)
    third.training.land(ferry_dataset.crossings(days=60))
    brought = third.bring(production)
    assert brought.action == "brought"
    names = set(json.loads(third.training.store.read(brought.evidence["records"])))
    assert "earlier/request-000001/gate" in names
    assert "rollout-000001/verify" in names
    assert files(third, 1, tmp_path / "a") == files(staging, 1, tmp_path / "b")
    assert third.roll() == ["roll_out", "verified", "switched", "promoted"]


def test_a_source_that_does_not_answer_leaves_nothing_behind(
    staging: Environment, production: Environment
) -> None:
    """A later repeat starts anew."""
    staging.training.tracking.answers = False
    with pytest.raises(RegistryUnavailable):
        production.bring(staging)
    staging.training.tracking.answers = True
    assert production.bring(staging).action == "brought"


def test_a_version_is_not_brought_in_place_of_a_lost_champion(
    staging: Environment, production: Environment
) -> None:
    """Case 4: the gates would take it as the first one; `--without-champion` says that it may."""
    production.bring(staging)
    production.roll()
    staging.train("second", days=20, start=60)
    staging.roll(holder="run-2")
    registry = production.training.registry
    assert isinstance(registry, MemoryRegistry)
    registry.delete_version(NAME, 1)
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "`--without-champion` leaves it out. The champion, version 1, is lost" in refused.reason
    assert production.bring(staging, without_champion=True).action == "brought"
    assert production.challenger() == 2


def test_a_refit_comes_with_the_record_of_its_refit(tmp_path: Path) -> None:
    """Its digest is the refit's; tags say so, and its card there has whose figures they are."""
    theirs = Environment.in_memory("staging", tmp_path)
    theirs.training.spec = spec(training={"holdout_days": 10, "min_rows": 500, "ship": "refit"})
    assert theirs.train() == 1
    assert theirs.roll()[-1] == "promoted"
    ours = Environment.in_memory("production", tmp_path)
    brought = ours.bring(theirs)
    assert brought.action == "brought", brought.reason
    version = ours.training.registry.version(NAME, 1)
    assert version.tags[SHIP] == "refit"
    assert version.tags[DIGEST] == theirs.training.registry.version(NAME, 1).tags[DIGEST]
    text = card_files(read_case(ours.training.store, version))[MARKDOWN].decode()
    assert "The figures are the recipe's, not this version's" in text
