"""Versions of a source environment that may be imported, and those that are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from slipway.errors import Tampered
from slipway.records import ledger
from slipway.stages.model.manifest import MANIFEST, MODEL, seal
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout.version_outcome import ROLLED_BACK, ROLLOUT_TAG
from tests.support.environments import Environment, count_versions, spec

NAME = spec().model


def test_a_version_that_did_not_serve_there_is_refused(
    staging: Environment, production: Environment
) -> None:
    """Passed gates without a rollout are not enough evidence."""
    staging.train("second", days=20, start=60)
    refused = production.bring(staging, "2")
    assert refused.action == "refused"
    assert "no rollout made it champion" in refused.reason
    assert count_versions(production) == 0
    assert production.challenger() is None
    facts = [entry["fact"] for entry in ledger.read(production.training.store, NAME)]
    assert [(fact["stage"], fact["action"]) for fact in facts] == [("bring", "refused")]


def test_a_version_that_was_rolled_back_there_is_refused(
    staging: Environment, production: Environment
) -> None:
    """A later rollback outweighs passed gates."""
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
    """A newer champion at the source does not matter."""
    staging.train("second", days=20, start=60)
    staging.roll(holder="run-2")
    assert staging.champion() == 2
    assert production.bring(staging, "1").action == "brought"


def test_evidence_without_an_anchor_in_mlflow_does_not_count(
    staging: Environment, production: Environment
) -> None:
    """A writer to the store alone cannot make a version look as if it had served."""
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
    """Edit the model, and everything in the registry that would reveal it."""
    folder = _folder(staging)
    facts = json.loads((folder / MANIFEST).read_bytes())
    del facts["files"]
    (folder / MANIFEST).unlink()
    (folder / MODEL).write_bytes(b"another")
    staging.training.registry.tag(NAME, 1, {DIGEST: seal(folder, facts)})


def _move_tags(staging: Environment, _tmp: Path) -> None:
    """Tag a version that never served as the one that did."""
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
def test_tampered_sources_are_refused(
    staging: Environment,
    production: Environment,
    tmp_path: Path,
    tamper: Callable[[Environment, Path], None],
) -> None:
    """Another model, other records, or another version number."""
    tamper(staging, tmp_path)
    with pytest.raises(Tampered):
        production.bring(staging)
    assert count_versions(production) == 0
    assert production.training.tracking.runs == {}


def test_a_version_that_was_rolled_back_here_is_refused(
    staging: Environment, production: Environment
) -> None:
    """A repeated import does not override a rollback in this environment."""
    production.bring(staging)
    production.roll()
    production.training.registry.tag(NAME, 1, {ROLLOUT_TAG: ROLLED_BACK})
    production.training.registry.delete_alias(NAME, "champion")
    refused = production.bring(staging)
    assert refused.action == "refused"
    assert "was rolled back before" in refused.reason


def test_a_version_that_was_trained_here_is_refused(
    staging: Environment, production: Environment
) -> None:
    """It exists here already."""
    production.bring(staging)
    production.roll()
    staging.train("second", days=20, start=60)
    staging.roll(holder="run-2")
    home = staging.bring(production)
    assert home.action == "refused"
    assert "was trained here" in home.reason
