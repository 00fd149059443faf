"""Two stores on one MLflow server, with a dataset of one name."""

from __future__ import annotations

from pathlib import Path

from slipway.records import ledger
from slipway.records.store_identity import KEY
from slipway.stages.model.ledger_anchors import anchor_ledgers
from slipway.wiring.verified_ledgers import verify_ledgers
from tests.support.one_store_env import OneStoreEnv


def test_two_stores_share_one_mlflow(mlflow_server: str, tmp_path: Path) -> None:
    """Each promotes, holds its own ledgers, and names the other's model without a break."""
    first, second = (OneStoreEnv(mlflow_server, tmp_path / name) for name in ("first", "second"))
    for env, entries in ((first, 2), (second, 5)):
        for number in range(entries):
            ledger.enter(env.container.store, "ferries", {"stage": f"{env.model} {number}"})
    for env in (first, second, first):
        registry = env.container.registry
        anchor_ledgers(env.container.store, registry, env.model, dataset="ferries")
    for env, other in ((first, second), (second, first)):
        report = verify_ledgers(env.container, None, has_anchors=True)
        rows = {row["subject"]: row for row in report}
        assert rows["ferries"]["anchored"] == rows["ferries"]["entries"]
        assert all(rows[subject]["breaks"] == [] for subject in ("ferries", env.model, other.model))
        identity = other.container.store.read(KEY).decode()
        assert rows[other.model]["other_stores"][0] in identity


def test_a_deleted_identity_is_a_break_of_every_anchored_ledger(
    mlflow_server: str, tmp_path: Path
) -> None:
    """With the ledgers it would look like a store of another installation."""
    env = OneStoreEnv(mlflow_server, tmp_path)
    store = env.container.store
    anchor_ledgers(store, env.container.registry, env.model)
    (tmp_path / "include" / "models" / env.model).mkdir(parents=True)
    for number in ledger.numbers(store, env.model):
        store.delete(ledger.entry_key(env.model, number))
    store.delete(KEY)
    (row,) = verify_ledgers(env.container, env.model, has_anchors=True)
    problems = [one["problem"] for one in row["breaks"]]
    assert any("two stores cannot promote one model" in one for one in problems)
    assert any("ends before entry" in one for one in problems)
