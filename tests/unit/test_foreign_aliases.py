"""A hand moved an alias or tag in MLflow, which no entered record did: told, and nothing moves."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from slipway.errors import BadParameter, Tampered
from slipway.records.open_work import open_stage
from slipway.records.run_records import RunRef
from slipway.records.store import encode, read_json
from slipway.records.verdicts import Verdict
from slipway.stages.model.version_tags import DIGEST, RUN_KEY
from slipway.stages.rollout.foreign_versions import entered_tags
from slipway.stages.rollout.version_outcome import ROLLED_BACK, ROLLOUT_TAG, SERVING
from slipway.stages.score.partitions import named_champion
from tests.support.entered_env import EnteredEnv, sha
from tests.support.promotions import promoted, registered
from tests.support.rollout_env import MODEL, STEPPED


@pytest.fixture
def env() -> EnteredEnv:
    """Version 2 serves and is champion, also by the ledger; 3 was rolled back."""
    return EnteredEnv()


def assert_nothing_moves(env: EnteredEnv, *words: str) -> None:
    """The sweep leaves what serves, and reconcile, status and why say what is foreign."""
    verdict = env.reconcile(holder="sweep").verdict
    assert (verdict.action, env.weights()) == ("nothing", {2: 1.0})
    [by_status] = env.status().foreign
    [by_why] = [line for line in env.told() if line.startswith("Foreign: ")]
    for word in words:
        for told in (verdict.reason, by_status, by_why):
            assert word in told
    assert env.told()[0] == f"Served: {MODEL} version 2."


def test_a_champion_by_hand_on_a_rolled_back_version_gets_no_traffic(env: EnteredEnv) -> None:
    """It went live without a shift, once its tag was gone."""
    env.registry.aliases["champion"] = 3
    env.registry.tags[3][ROLLOUT_TAG] = SERVING
    assert_nothing_moves(
        env,
        "The alias `champion` is foreign: MLflow has it on version 3, no entered record put it "
        "there, by the ledger version 2 is champion; no traffic moves for it.",
        "set the alias `champion` in MLflow back to version 2",
        f"to serve version 3 run {MODEL}__deploy with it as `to`",
    )


def test_a_former_champion_by_hand_gets_no_traffic(env: EnteredEnv) -> None:
    """It is warm and was verified, which is not enough."""
    env.registry.aliases["champion"] = 1
    assert_nothing_moves(env, "MLflow has it on version 1")


def test_a_version_by_hand_gets_no_traffic(env: EnteredEnv) -> None:
    """As champion and as challenger, whatever its tags say."""
    for alias in ("champion", "challenger"):
        kept = dict(env.registry.aliases)
        env.registry.aliases[alias] = 4
        env.registry.tags[4][ROLLOUT_TAG] = SERVING
        assert_nothing_moves(
            env,
            f"The alias `{alias}` is foreign: MLflow has it on version 4, no entered record put it "
            "there, nor names its bytes",
            f"a version from outside comes in by `slipway bring {MODEL}`",
        )
        env.registry.aliases = kept


def test_a_version_by_hand_is_refused_by_its_number(env: EnteredEnv) -> None:
    """A person named it, and nothing of it is downloaded."""
    record = env.reconcile("4", holder="person")
    verdict = env.verify(record.ref.run).verdict
    assert (verdict.action, env.weights()) == ("refused", {2: 1.0})
    assert "version 4 of delay is foreign: no entered record of delay names its" in verdict.reason


def test_exchanged_bytes_are_refused_with_a_matching_tag(env: EnteredEnv, tmp_path: Path) -> None:
    """The number of the champion, with other bytes and their digest as its tag."""
    env.registry.tags[2][DIGEST] = sha(9)
    with pytest.raises(Tampered, match="version 2 of delay is foreign") as raised:
        env.entered.download(MODEL, 2, tmp_path / "v")
    assert raised.value.found == f"sha256 {sha(9)}"
    assert "slipway bring" in str(raised.value.hint)
    assert env.reconcile(holder="sweep").verdict.action == "nothing"
    assert env.weights() == {2: 1.0}
    assert "MLflow has it on version 2" in env.status().foreign[0]


def test_a_pod_gets_no_digest_that_the_ledger_does_not_name(env: EnteredEnv) -> None:
    """The sizes among the tags are kept; without a digest the pod asks the ledger itself."""
    env.registry.tags[4]["slipway.resident_mib"] = "80"
    tags = entered_tags(env.entered, MODEL, 4)
    assert (tags.get(DIGEST), tags["slipway.resident_mib"]) == (None, "80")
    assert entered_tags(env.entered, MODEL, 3)[DIGEST] == sha(3)


def test_known_bytes_do_not_pass_under_the_number_of_others(
    env: EnteredEnv, tmp_path: Path
) -> None:
    """A number that the ledger has is its own bytes; under an unknown one they are a copy."""
    env.registry.tags[2][DIGEST] = sha(1)
    with pytest.raises(Tampered, match="version 2 of delay is foreign"):
        env.entered.download(MODEL, 2, tmp_path / "v")
    env.registry.tags[4][DIGEST] = sha(1)
    assert env.entered.download(MODEL, 4, tmp_path / "copy").is_dir()


def test_a_challenger_that_was_rolled_back_is_no_challenger_again(env: EnteredEnv) -> None:
    """A hand set the alias and removed the tag: a second rollout of it began."""
    env.registry.aliases["challenger"] = 3
    del env.registry.tags[3][ROLLOUT_TAG]
    assert_nothing_moves(env, "the ledger has no challenger", "delete the alias `challenger`")


def test_a_challenger_that_was_refused_stays_refused_without_its_tag(env: EnteredEnv) -> None:
    """The ledger has the outcome of its last rollout, too."""
    registered(env.store, MODEL, 4, sha256=sha(4))
    env.registry.aliases["challenger"] = 4
    env.platform.lenient = True
    assert env.roll(holder="first") == ["roll_out", "refused"]
    env.platform.lenient = False
    del env.registry.tags[4][ROLLOUT_TAG]
    verdict = env.reconcile(holder="second").verdict
    assert verdict.action == "nothing"
    assert "hallenger 4 was refused before" in verdict.reason
    assert env.roll("4", holder="person") == STEPPED


def test_a_hand_does_not_keep_the_challenger_of_the_ledger_from_its_rollout(
    env: EnteredEnv,
) -> None:
    """The alias was moved to another version while it waited."""
    registered(env.store, MODEL, 4, sha256=sha(4))
    env.registry.aliases["challenger"] = 1
    assert env.roll(holder="sweep") == STEPPED
    assert env.weights() == {4: 1.0}


def test_a_rollback_goes_where_the_ledger_says(env: EnteredEnv) -> None:
    """A hand set `previous` to a version that was rolled back, and removed its tag."""
    registered(env.store, MODEL, 4, sha256=sha(4))
    env.registry.aliases["challenger"] = 4
    assert env.roll(holder="first") == STEPPED
    env.registry.aliases["previous"] = 3
    env.registry.tags[3][ROLLOUT_TAG] = SERVING
    assert "The alias `previous` is foreign" in env.status().foreign[0]
    assert env.roll("previous", holder="person")[-1] == "promoted"
    assert env.weights() == {2: 1.0}


def test_a_hand_cannot_tag_the_champion_away(env: EnteredEnv) -> None:
    """It is restored, though its tag says that it was rolled back."""
    env.registry.tags[2][ROLLOUT_TAG] = ROLLED_BACK
    env.platform.apply(MODEL, weights={1: 1.0}, keep=[2], token=0)
    assert env.reconcile(holder="sweep").verdict.action == "repair"
    assert env.weights() == {2: 1.0}


def test_a_hand_cannot_tag_the_way_back_away(env: EnteredEnv) -> None:
    """The previous champion is returned to, though its tag says that it was refused."""
    registered(env.store, MODEL, 4, sha256=sha(4))
    env.registry.aliases["challenger"] = 4
    assert env.roll(holder="first") == STEPPED
    env.registry.tags[2][ROLLOUT_TAG] = ROLLED_BACK
    assert env.roll("previous", holder="person")[-1] == "promoted"
    assert env.weights() == {2: 1.0}


def test_the_champion_of_an_earlier_release_is_kept(tmp_path: Path) -> None:
    """Its ledger has a promotion without a digest, and no registration."""
    env = EnteredEnv()
    for entry in env.store.list(f"ledger/{MODEL}"):
        env.store.delete(entry.key)
    promoted(env.store, MODEL, 2, run="rollout-of-before")
    del env.registry.aliases["previous"]
    assert env.reconcile(holder="sweep").verdict.action == "nothing"
    assert env.status().foreign == ()
    assert env.entered.download(MODEL, 2, tmp_path / "v").is_dir()
    with pytest.raises(Tampered, match="version 1 of delay is foreign"):
        env.entered.download(MODEL, 1, tmp_path / "other")


def test_a_repair_whose_record_was_edited_moves_nothing(env: EnteredEnv) -> None:
    """The entry in the ledger holds the digest of the record, which names the bytes."""
    key = f"runs/{MODEL}/early-4/promote_champion/record.json"
    record = read_json(env.store, key)
    record["verdict"]["evidence"]["manifest_sha256"] = sha(3)
    env.store.write(key, encode(record))
    env.registry.tags[2][DIGEST] = sha(3)
    env.platform.apply(MODEL, weights={1: 1.0}, keep=[2], token=0)
    with pytest.raises(Tampered, match="was changed after it was entered in the ledger"):
        env.reconcile(holder="sweep")
    assert env.weights() == {1: 1.0}


def test_an_alias_of_a_registration_that_is_not_entered_yet_is_not_foreign(
    env: EnteredEnv,
) -> None:
    """Its training sets the alias right before the record; the next deploy finds both."""
    open_stage(env.store, RunRef(MODEL, "request-000004", "promote_challenger"))
    env.registry.aliases["challenger"] = 4
    env.registry.tags[4][RUN_KEY] = f"{MODEL}/request-000004"
    assert env.reconcile(holder="sweep").verdict.action == "nothing"
    assert env.status().foreign == ()


def test_a_model_without_a_ledger_has_no_champion(env: EnteredEnv) -> None:
    """Its store was lost: what MLflow names is not taken over, and a training is the way."""
    for entry in env.store.list(f"ledger/{MODEL}"):
        env.store.delete(entry.key)
    assert named_champion(MODEL, to_be="scored", store=env.store, registry=env.entered) is None
    assert "the ledger has no champion" in env.status().foreign[0]


def test_an_anchor_by_hand_has_to_be_known(env: EnteredEnv) -> None:
    """Any version that the ledger has may be one; a foreign one is not loaded."""
    env.registry.aliases["anchor"] = 1
    anchor = env.entered.alias(MODEL, "anchor")
    assert anchor is not None
    assert (anchor.version, env.status().foreign) == (1, ())
    env.registry.aliases["anchor"] = 4
    assert env.entered.alias(MODEL, "anchor") is None
    assert "The alias `anchor` is foreign" in env.status().foreign[0]


def test_without_foreign_aliases_nothing_is_told(env: EnteredEnv) -> None:
    """Also while a promotion is decided and not entered yet."""
    assert "foreign" not in env.reconcile(holder="sweep").verdict.reason
    registered(env.store, MODEL, 4, sha256=sha(4))
    env.registry.aliases["challenger"] = 4
    assert env.status().foreign == ()
    run = env.reconcile(holder="run").ref.run
    for stage in (env.verify, *(partial(env.shift, step=one) for one in (10, 50)), env.switch):
        stage(run)
    ref = RunRef(MODEL, run, "promote_champion")
    open_stage(env.store, ref)
    decided = Verdict("promoted", "Served.", {"version": 4, "action": "roll_out"})
    env.store.write(f"{ref.folder}/decision.json", encode(decided.to_json()))
    env.registry.aliases["champion"] = 4
    assert env.status().foreign == ()
    assert env.promote(run).verdict.action == "promoted"
    assert env.status().foreign == ()


def test_a_rollback_without_a_way_back_names_no_foreign_one(env: EnteredEnv) -> None:
    """`previous` by hand on a version that never was champion is none."""
    env.registry.aliases["previous"] = 4
    with pytest.raises(BadParameter, match="cannot roll back"):
        env.reconcile("previous", holder="person")
