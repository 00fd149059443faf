"""A version comes from staging to production: the same bytes, with its evidence, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.errors import NotComputable, RegistryUnavailable, Tampered
from slipway.records import ledger
from slipway.records.store import digest
from slipway.spec import ModelSpec
from slipway.stages.model.manifest import MANIFEST, MODEL, seal
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout.version_outcome import ROLLED_BACK, ROLLOUT_TAG
from tests.fakes.kill_points import Killed, KillPoint
from tests.support import ferry_dataset
from tests.support.environments import Environment, spec

NAME = spec().model


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment whose version 1 is champion and served."""
    made = Environment.in_memory("staging", tmp_path_factory.mktemp("served"))
    made.train()
    assert made.roll() == ["roll_out", "verified", "switched", "promoted"]
    return made


@pytest.fixture
def staging(served: Environment, tmp_path: Path) -> Environment:
    """A copy of that environment, which a test may change."""
    return served.copy(tmp_path)


@pytest.fixture
def production(tmp_path: Path) -> Environment:
    """An environment with rows and without any model."""
    made = Environment.in_memory("production", tmp_path)
    made.training.land(ferry_dataset.crossings(days=60))
    return made


def files(env: Environment, version: int, to: Path) -> dict[str, bytes]:
    """Every file of a version."""
    folder = env.training.registry.download(NAME, version, to)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def versions(env: Environment) -> int:
    """How many versions there are."""
    return len(env.training.registry.versions.get(NAME, []))


def test_the_bytes_come_unchanged_and_the_deploy_stages_take_them(
    staging: Environment, production: Environment, tmp_path: Path
) -> None:
    """Every file is the same, and the version is rolled out here like any other."""
    brought = production.bring(staging)
    assert brought.action == "brought"
    assert files(production, 1, tmp_path / "a") == files(staging, 1, tmp_path / "b")
    assert production.challenger() == 1
    assert production.roll() == ["roll_out", "verified", "switched", "promoted"]
    assert production.champion() == 1


def test_run_params_metrics_and_files_come_along(
    staging: Environment, production: Environment
) -> None:
    """What people look at in MLflow is here too, and says where it comes from."""
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
    """Registry, version, run, rollout, ledger and person; nothing of the source's own state."""
    production.bring(staging)
    theirs, ours = (env.training.registry.version(NAME, 1).tags for env in (staging, production))
    told = {name: ours[f"slipway.source.{name}"] for name in ("registry", "version", "digest")}
    assert told == {"registry": "memory://staging", "version": "1", "digest": theirs[DIGEST]}
    assert ours["slipway.source.run"] == "request-000001"
    assert ours["slipway.source.rollout"] == "rollout-000001"
    assert ours["slipway.source.brought_by"] == "ada"
    assert ours["slipway.metric.roc_auc"] == theirs["slipway.metric.roc_auc"]
    assert ROLLOUT_TAG not in ours


def test_the_source_records_lie_here_and_their_digests_are_in_the_ledger(
    staging: Environment, production: Environment
) -> None:
    """Whoever asks production later needs no staging to see what its gate said."""
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
    assert versions(production) == 1
    assert len(production.training.tracking.runs) == 1


def test_a_kill_at_any_write_leaves_one_version(staging: Environment, tmp_path: Path) -> None:
    """Whoever repeats a command that was killed ends where it would have ended."""
    writes, done = 0, False
    while not done:
        production = Environment.in_memory(f"production-{writes}", tmp_path)
        try:
            production.killed_at(KillPoint(writes)).bring(staging)
            done = True
        except Killed:
            assert production.bring(staging).action in {"brought", "known"}
        assert versions(production) == 1
        assert production.challenger() == 1
        store, registry = production.training.store, production.training.registry
        facts = [entry["fact"]["stage"] for entry in ledger.read(store, NAME)]
        assert facts == ["copy", "bring"]
        assert ledger.verify(store, NAME, anchor=registry.anchored(NAME)) == []
        assert registry.anchored(NAME) == ledger.head(store, NAME)
        writes += 1
    assert writes > 12


def test_a_version_that_did_not_serve_there_is_refused(
    staging: Environment, production: Environment
) -> None:
    """A challenger that passed its gates only is not evidence enough."""
    staging.train("second", days=20, start=60)
    refused = production.bring(staging, "2")
    assert refused.action == "refused"
    assert "no rollout made it champion" in refused.reason
    assert versions(production) == 0
    assert production.challenger() is None
    facts = [entry["fact"] for entry in ledger.read(production.training.store, NAME)]
    assert [(fact["stage"], fact["action"]) for fact in facts] == [("bring", "refused")]


def test_a_version_that_was_rolled_back_there_is_refused(
    staging: Environment, production: Environment
) -> None:
    """It passed once; what people learnt of it since counts more."""
    staging.train("second", days=20, start=60)
    staging.roll(holder="run-2")
    staging.roll("previous", holder="run-3")
    assert staging.champion() == 1
    refused = production.bring(staging, "2")
    assert refused.action == "refused"
    assert "rollout-000003 rolled it back" in refused.reason
    assert production.bring(staging).action == "brought"


def test_a_version_that_was_served_before_is_brought(
    staging: Environment, production: Environment
) -> None:
    """A newer champion at the source takes nothing away from the one before."""
    staging.train("second", days=20, start=60)
    staging.roll(holder="run-2")
    assert staging.champion() == 2
    assert production.bring(staging, "1").action == "brought"


def test_evidence_that_its_mlflow_was_not_told_of_does_not_count(
    staging: Environment, production: Environment
) -> None:
    """Whoever may write to the store alone cannot make a version look as if it had served."""
    staging.training.registry.heads.clear()
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "never anchored in MLflow" in refused.reason


def _edit_record(staging: Environment, _tmp: Path) -> None:
    key = f"runs/{NAME}/request-000001/gate/record.json"
    data = staging.training.store.read(key)
    staging.training.store.write(key, data.replace(b"Every gate holds", b"Every gate  holds"))


def _edit_model(staging: Environment, _tmp: Path) -> None:
    file = _folder(staging) / MODEL
    file.write_bytes(file.read_bytes() + b" ")


def _drop_file(staging: Environment, _tmp: Path) -> None:
    (_folder(staging) / MODEL).unlink()


def _seal_again(staging: Environment, _tmp: Path) -> None:
    """Edit the model, and everything in the registry that would show it."""
    folder = _folder(staging)
    facts = json.loads((folder / MANIFEST).read_bytes())
    del facts["files"]
    (folder / MANIFEST).unlink()
    (folder / MODEL).write_bytes(b"another")
    staging.training.registry.tag(NAME, 1, {DIGEST: seal(folder, facts)})


def _move_tags(staging: Environment, _tmp: Path) -> None:
    """Let a version that was never served pass for the one that was."""
    registry = staging.training.registry
    staging.train("second", days=20, start=60)
    known = registry.versions[NAME]
    known[1] = type(known[1])(
        NAME, 2, known[0].run_key, known[0].source_uri, known[0].tags, known[0].created_at
    )
    registry.set_alias(NAME, "champion", 2)


def _folder(env: Environment) -> Path:
    uri = env.training.registry.version(NAME, 1).source_uri
    root: Path = env.training.tracking.root
    return root / uri.removeprefix("models:/")


@pytest.mark.parametrize("tamper", [_edit_record, _edit_model, _drop_file, _seal_again, _move_tags])
def test_what_was_changed_at_the_source_does_not_come(
    staging: Environment,
    production: Environment,
    tmp_path: Path,
    tamper: Callable[[Environment, Path], None],
) -> None:
    """Neither with another model, nor with other records, nor under another number."""
    tamper(staging, tmp_path)
    with pytest.raises(Tampered):
        production.bring(staging)
    assert versions(production) == 0
    assert production.training.tracking.runs == {}


def test_a_version_that_does_not_fit_the_spec_here_is_refused(
    staging: Environment, production: Environment
) -> None:
    """What is expected and what was found stand in the refusal."""
    production.training.spec = spec(features={"numeric": [], "categorical": ["port"]})
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "features: found wind, which the spec does not name" in refused.reason
    assert versions(production) == 0


def _kinds() -> ModelSpec:
    return spec(features={"numeric": [], "categorical": ["wind", "port"]})


def test_kinds_and_personal_columns_have_to_fit(
    staging: Environment, production: Environment
) -> None:
    """A number is not a category, and what is hashed here may not be logged in clear."""
    production.training.spec = _kinds()
    assert "feature wind: expected a string, found a number" in production.bring(staging).reason
    production.training.spec = spec()
    production.training.dataset = ferry_dataset.dataset(pii={"port": "hash"})
    assert "feature port: expected pii hash, found None" in production.bring(staging).reason


def test_the_gates_here_are_asked_too(staging: Environment, production: Environment) -> None:
    """Where production is stricter than staging, what staging measured may not be enough."""
    bar = {"threshold": 0.99}
    production.training.spec = spec(gates={"min_holdout_rows": 100, "metrics": {"roc_auc": bar}})
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "below the threshold 0.99" in refused.reason
    assert versions(production) == 0


def test_a_comparison_with_the_same_champion_is_taken_over(
    staging: Environment, production: Environment
) -> None:
    """Both environments have the same bytes as champion, so its numbers hold here as there."""
    production.bring(staging)
    production.roll()
    staging.train("second", days=20, start=60)
    staging.roll(holder="run-2")
    production.training.land(
        ferry_dataset.crossings(days=20, start=ferry_dataset.START + 60 * _DAY)
    )
    brought = production.bring(staging)
    assert brought.action == "brought"
    assert "byte for byte; weighed as at the source" in brought.reason
    tags, theirs = (env.training.registry.version(NAME, 2).tags for env in (production, staging))
    assert tags["slipway.compared_with"] == "version 1"
    assert tags["slipway.disagreement"] == theirs["slipway.disagreement"]
    assert production.roll(holder="run-2") == ["roll_out", "verified", "switched", "promoted"]


def test_another_champion_is_compared_on_rows_of_this_environment(
    staging: Environment, production: Environment
) -> None:
    """The source's numbers say nothing of a champion that it does not have."""
    production.train("own", days=20, start=60, seed=5)
    production.roll()
    production.training.land(
        ferry_dataset.crossings(days=20, start=ferry_dataset.START + 80 * _DAY, seed=6)
    )
    production.training.spec = spec(
        gates={
            "min_holdout_rows": 100,
            "metrics": {"roc_auc": {"min_absolute_change": -0.1}},
        }
    )
    brought = production.bring(staging)
    assert brought.action == "brought", brought.reason
    assert "on rows of this environment, beside version 1" in brought.reason
    assert brought.numbers["champion.version"] == 1
    assert brought.numbers["rows"] >= 20 * ferry_dataset.ROWS_PER_DAY
    assert brought.numbers["disagreement"] is not None
    assert production.roll(holder="run-2") == ["roll_out", "verified", "switched", "promoted"]


def test_without_rows_for_a_comparison_nothing_is_brought(
    staging: Environment, production: Environment, tmp_path: Path
) -> None:
    """No verdict comes from a default: too few rows are a refusal, no table is an error."""
    production.train("own", days=20, start=60, seed=5)
    production.roll()
    bar = {"min_absolute_change": -0.1}
    production.training.spec = spec(gates={"min_holdout_rows": 1000, "metrics": {"roc_auc": bar}})
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "are fewer than 1,000" in refused.reason
    production.training.tables = Environment.in_memory("empty", tmp_path).training.tables
    with pytest.raises(NotComputable):
        production.bring(staging)
    assert versions(production) == 1


def test_another_challenger_keeps_its_turn(staging: Environment, production: Environment) -> None:
    """A version that waits is not pushed aside, unless somebody says so."""
    production.train("own", days=20, start=60, seed=5)
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "version 1 is challenger here and waits" in refused.reason
    assert production.challenger() == 1
    assert production.bring(staging, replace=True).action == "brought"
    assert production.challenger() == 2
    assert production.bring(staging).action == "known"


def test_a_challenger_that_may_not_be_rolled_out_holds_nobody_up(
    staging: Environment, production: Environment
) -> None:
    """It was refused here before, so it waits for nothing."""
    production.train("own", days=20, start=60, seed=5)
    production.training.registry.tag(NAME, 1, {ROLLOUT_TAG: "refused"})
    assert production.bring(staging).action == "brought"
    assert production.challenger() == 2


def test_what_was_rolled_back_here_does_not_come_again_by_itself(
    staging: Environment, production: Environment
) -> None:
    """Bringing it again is no way around what people here decided."""
    production.bring(staging)
    production.roll()
    production.training.registry.tag(NAME, 1, {ROLLOUT_TAG: ROLLED_BACK})
    production.training.registry.delete_alias(NAME, "champion")
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "was rolled back before" in refused.reason


def test_what_was_trained_here_is_not_brought_back(
    staging: Environment, production: Environment
) -> None:
    """A version that went out and comes home is the version that it was."""
    production.bring(staging)
    production.roll()
    staging.train("second", days=20, start=60)
    staging.roll(holder="run-2")
    home = staging.bring(production)
    assert home.action == "refused"
    assert "was trained here" in home.reason


def test_a_version_goes_on_to_a_third_environment(
    staging: Environment, production: Environment, tmp_path: Path
) -> None:
    """It takes along what both environments before had recorded."""
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
    """A later repeat begins anew."""
    staging.training.tracking.answers = False
    with pytest.raises(RegistryUnavailable):
        production.bring(staging)
    staging.training.tracking.answers = True
    assert production.bring(staging).action == "brought"


_DAY = ferry_dataset.timedelta(days=1)
