"""An entry of a model's ledger is damaged: reports tell the rest, and a rollback goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.object_store import open_store
from slipway.errors import BadParameter, Tampered
from slipway.records import ledger
from slipway.records.run_context import RunContext
from slipway.records.store import encode, read_json
from slipway.stages.model.accept_ledger import accept_ledger
from slipway.stages.report.damage import find_beside_damage
from slipway.stages.rollout.genuine_state import newest_genuine
from slipway.stages.rollout.version_outcome import ROLLED_BACK, ROLLOUT_TAG
from tests.support.command_line import slipway
from tests.support.entered_env import EnteredEnv, sha
from tests.support.promotions import registered
from tests.support.rollout_env import MODEL, STEPPED, evidence

DAMAGE = [
    b"garbage",
    b"[]",
    b'{"fact": []}',
    b'{"sequence": 1, "at": "now", "fact": {"stage": 1}}',
    b"[" * 100_000,
]


@pytest.fixture
def env() -> EnteredEnv:
    """Version 4 was rolled out, serves and is champion; 1 was before it."""
    env = EnteredEnv()
    assert env.roll("1", holder="back")[-1] == "promoted"
    env.registry.tags[4].update(evidence(4, 1))
    registered(env.store, MODEL, 4, sha256=sha(4))
    env.registry.aliases["challenger"] = 4
    assert env.roll(holder="first") == STEPPED
    return env


def newest(env: EnteredEnv) -> str:
    """Key of the newest entry: the promotion of version 4."""
    return ledger.entry_key(MODEL, ledger.length(env.store, MODEL))


def edit_record(env: EnteredEnv) -> str:
    """Edit the record of the newest promotion, and return its key."""
    key = str(read_json(env.store, newest(env))["fact"]["record"])
    record = read_json(env.store, key)
    record["verdict"]["evidence"]["manifest_sha256"] = sha(3)
    env.store.write(key, encode(record))
    return key


@pytest.mark.parametrize("damage", DAMAGE)
def test_reports_tell_the_damaged_entry_and_the_rest(env: EnteredEnv, damage: bytes) -> None:
    """Which object it is, what serves still, and the commands that help."""
    key = newest(env)
    env.store.write(key, damage)
    told = env.told()
    assert told[0].startswith(f"Served: {MODEL}: version 4 is served")
    [line] = [one for one in told if one.startswith("Damaged: ")]
    status = env.status()
    assert status.weights == {4: 1.0}
    assert status.verdicts[0].stage == "switch"
    for said in (line, *status.damaged):
        for word in (key, f"slipway ledger accept {MODEL}", f"slipway rollback {MODEL}"):
            assert word in said
    assert told[-1].startswith("Next: no rollout begins")
    assert "Since: not known" in "\n".join(told)


def test_reports_tell_an_edited_record(env: EnteredEnv) -> None:
    """Its entry is intact, and holds another digest."""
    key = edit_record(env)
    assert any(key in line for line in env.told() if line.startswith("Damaged: "))
    assert key in env.status().damaged[0]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_card_is_of_the_champion_beside_the_damage(env: EnteredEnv, damage: bytes) -> None:
    """Of the newest promotion that is unchanged; a number that is intact needs none."""
    key = newest(env)
    env.store.write(key, damage)
    ports: dict[str, Any] = {"store": env.store, "registry": env.entered}
    found, told = find_beside_damage(MODEL, "champion", **ports)
    assert found.version == 1
    assert told is not None
    for word in ("version 1 is the newest", key, f"slipway ledger accept {MODEL}"):
        assert word in told
    assert find_beside_damage(MODEL, "4", **ports)[1] is None
    env.registry.aliases["challenger"] = 4
    with pytest.raises(Tampered, match="was changed"):
        find_beside_damage(MODEL, "challenger", **ports)


def test_a_card_is_of_no_champion_without_an_unchanged_promotion(env: EnteredEnv) -> None:
    """The damage is what is told."""
    for number in range(1, ledger.length(env.store, MODEL) + 1):
        env.store.write(ledger.entry_key(MODEL, number), b"garbage")
    with pytest.raises(Tampered, match="was changed"):
        find_beside_damage(MODEL, "champion", store=env.store, registry=env.entered)


def test_the_champion_of_a_moment_is_told_beside_the_damage(
    env: EnteredEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The damaged entry is named, and the older ones say which version it was before."""
    monkeypatch.setenv("SLIPWAY_PROJECT", str(tmp_path))
    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    kept, key = open_store(str(tmp_path / "store")), newest(env)
    for one in env.store.list(f"ledger/{MODEL}"):
        kept.write(one.key, b"garbage" if one.key == key else env.store.read(one.key))
    found = slipway("ledger", "as-of", "2999-01-01", "--model", MODEL, "--json")
    assert found.exit_code == 0
    assert json.loads(found.stdout)[MODEL]["version"] == 1
    assert f"{key} is no entry" in found.stderr


def test_an_old_damaged_entry_stops_nothing(env: EnteredEnv) -> None:
    """It is told, and the newer entries say which version is champion."""
    env.store.write(ledger.entry_key(MODEL, 2), b"garbage")
    assert env.status().aliases["champion"] == 4
    assert env.told()[0] == f"Served: {MODEL} version 4."
    assert env.reconcile(holder="sweep").verdict.action == "nothing"
    assert "ledger/delay/00000002.json" in env.status().damaged[0]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_rollback_goes_by_the_intact_entries(env: EnteredEnv, damage: bytes) -> None:
    """The sweep refuses; the rollback returns to the champion of before, and is entered."""
    env.store.write(newest(env), damage)
    with pytest.raises(Tampered):
        env.reconcile(holder="sweep")
    assert env.weights() == {4: 1.0}
    record = env.reconcile("previous", holder="person")
    assert "is damaged" in record.verdict.reason
    for stage in (env.verify, env.switch, env.promote):
        last = stage(record.ref.run)
    assert (last.verdict.action, env.weights()) == ("promoted", {1: 1.0})
    followed = newest_genuine(env.store, MODEL)
    assert followed is not None
    assert followed.weights == {1: 1.0}
    assert env.registry.aliases["champion"] == 1
    assert env.registry.tags[4][ROLLOUT_TAG] == ROLLED_BACK
    assert "previous" not in env.registry.aliases


def test_a_rollback_passes_over_an_edited_promotion(env: EnteredEnv) -> None:
    """Its record names other bytes than it did; the version before it is returned to."""
    edit_record(env)
    assert env.roll("previous", holder="person")[-1] == "promoted"
    assert env.weights() == {1: 1.0}


def test_a_rollback_takes_a_canary_back_beside_a_damaged_entry() -> None:
    """To what served before it, though no entry says any more that it is champion."""
    env = EnteredEnv()
    assert env.roll("1", holder="back")[-1] == "promoted"
    assert env.roll("2", holder="forth")[-1] == "promoted"
    damaged = newest(env)
    registered(env.store, MODEL, 4, sha256=sha(4))
    env.registry.aliases["challenger"] = 4
    run = env.reconcile(holder="canary").ref.run
    env.verify(run)
    env.shift(run, 10)
    assert set(env.weights()) == {2, 4}
    env.store.write(damaged, b"garbage")
    verdict = env.reconcile("previous", holder="person").verdict
    assert (verdict.action, env.weights()) == ("repair", {2: 1.0})


def test_a_second_rollback_goes_not_where_a_damaged_one_came_from(env: EnteredEnv) -> None:
    """The entry of the rollback is damaged; by the others the version that it left is champion."""
    assert env.roll("previous", holder="person")[-1] == "promoted"
    env.store.write(newest(env), b"garbage")
    with pytest.raises(BadParameter, match="cannot roll back") as raised:
        env.reconcile("previous", holder="again")
    assert "slipway ledger accept" in str(raised.value.hint)
    assert env.weights() == {1: 1.0}


def test_a_person_leaves_out_what_is_damaged(env: EnteredEnv) -> None:
    """After the acceptance the intact entries count, and rollouts begin again."""
    env.store.write(newest(env), b"garbage")
    context = RunContext(env.store, {"by": "ann"})
    accept_ledger(MODEL, reason="The disk was repaired.", context=context, registry=env.entered)
    assert env.status().aliases["champion"] == 1
    assert "The alias `champion` is foreign" in env.status().foreign[0]
    assert env.roll("4", holder="person")[-1] == "promoted"
    assert env.status().aliases["champion"] == 4


def test_an_edited_record_can_be_left_out_too(env: EnteredEnv) -> None:
    """Every entry follows the one before; only a record differs from its entry."""
    edit_record(env)
    context = RunContext(env.store, {"by": "ann"})
    accept_ledger(MODEL, reason="The backup has none.", context=context, registry=env.entered)
    assert env.status().aliases["champion"] == 1
    with pytest.raises(BadParameter, match="nothing to accept"):
        accept_ledger(MODEL, reason="Again.", context=context, registry=env.entered)


def test_a_stage_enters_its_record_beside_a_damaged_entry(env: EnteredEnv) -> None:
    """The search for an entry of the same record passes over what is none."""
    env.store.write(newest(env), b"[]")
    fact = {"record": "runs/delay/a/b/record.json"}
    number = ledger.enter(env.store, MODEL, fact, unique="record")
    assert ledger.enter(env.store, MODEL, fact, unique="record") == number
