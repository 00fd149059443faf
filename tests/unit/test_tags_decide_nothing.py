"""A hand sets tags of versions in MLflow: no canary stops, no limit moves, and no work ends."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import digest
from slipway.records.verdicts import Verdict
from slipway.stages.model.registered_tags import keep_registered_tags
from slipway.stages.model.version_tags import COMPARED_WITH, DIGEST, TRAINING_END
from slipway.stages.rollout.carry_out import RESIDENT_MIB
from slipway.stages.rollout.version_outcome import (
    BLOCKED,
    ROLLED_BACK,
    ROLLOUT_TAG,
    SERVED,
    SERVING,
)
from tests.support.entered_env import EnteredEnv, sha
from tests.support.rollout_env import MODEL, STEPPED, OfflinePackage, abandon, evidence

MANIFEST = b"the manifest of version 4"
FOURTH = digest(MANIFEST)
TRUE_TAGS = {**evidence(4, 2), TRAINING_END: "2013-04-01T00:00:00+00:00"}


@pytest.fixture
def env() -> EnteredEnv:
    """Version 4 is challenger, by a training that kept its tags."""
    env = EnteredEnv()
    ref = RunRef(MODEL, "request-000004", "promote_challenger")
    tags = {DIGEST: FOURTH, **TRUE_TAGS}
    kept = keep_registered_tags(env.store, ref, tags)
    verdict = Verdict(
        "promoted", "4 is challenger.", {"version": 4}, {"manifest_sha256": FOURTH, **kept}
    )
    perform(RunContext(env.store, {}), ref, lambda _: verdict, inputs={})
    env.registry.aliases["challenger"] = 4
    env.registry.manifests[4] = MANIFEST
    env.registry.tags[4] = dict(tags)
    return env


@pytest.mark.parametrize("outcome", sorted(BLOCKED))
def test_a_tag_keeps_no_challenger_from_its_rollout(env: EnteredEnv, outcome: str) -> None:
    """The ledger has no verdict of a rollout about it."""
    env.registry.tags[4][ROLLOUT_TAG] = outcome
    assert env.roll(holder="sweep") == STEPPED


@pytest.mark.parametrize(
    "tags",
    [
        *({ROLLOUT_TAG: outcome} for outcome in sorted(BLOCKED)),
        {DIGEST: sha(9)},
        {DIGEST: "nothing of the kind"},
    ],
)
def test_a_tag_stops_no_canary(env: EnteredEnv, tags: dict[str, str]) -> None:
    """The rollout goes on to the end; what lies under its number says the manifest."""
    run = env.reconcile(holder="canary").ref.run
    env.verify(run)
    env.registry.tags[4].update(tags)
    for stage in (partial(env.shift, step=10), partial(env.shift, step=50), env.switch):
        assert stage(run).verdict.action in {"shifted", "switched"}
        env.registry.tags[4].update(tags)
        assert env.reconcile(holder="sweep").verdict.action == "nothing"
    assert env.promote(run).verdict.action == "promoted"
    assert env.weights() == {4: 1.0}
    assert env.status().aliases["champion"] == 4


def test_a_tag_takes_no_share_from_a_canary_that_was_left(env: EnteredEnv) -> None:
    """Its rollout was cut off; the champion is confirmed, and then it has another one."""
    run = env.reconcile(holder="canary").ref.run
    env.verify(run)
    env.shift(run, 10)
    abandon(env)
    env.registry.tags[4].update({ROLLOUT_TAG: "refused", DIGEST: sha(9)})
    assert env.roll(holder="next") == ["repair", "verified", "switched", "promoted"]
    assert env.roll(holder="last") == STEPPED
    assert env.weights() == {4: 1.0}


def test_other_bytes_are_another_version_whatever_the_tag_says(env: EnteredEnv) -> None:
    """The number was given to them, and its tag was kept."""
    env.registry.manifests[4] = b"another manifest"
    env.registry.tags[4][DIGEST] = sha(9)
    assert env.reconcile(holder="sweep").verdict.action == "nothing"
    assert "The alias `challenger` is foreign" in env.status().foreign[0]


def test_a_tag_takes_no_way_back_away(env: EnteredEnv) -> None:
    """The champion before stays warm and is returned to."""
    env.registry.tags[2][ROLLOUT_TAG] = ROLLED_BACK
    assert env.roll(holder="sweep") == STEPPED
    assert env.registry.aliases["previous"] == 2
    assert env.roll("previous", holder="person")[-1] == "promoted"
    assert env.weights() == {2: 1.0}


def test_tags_loosen_no_limit_of_verify(env: EnteredEnv) -> None:
    """Its answers are unlike the champion's, and by a tag they were promised to be."""
    env.platform.models[4] = lambda inputs: [
        1.0 - (value or 0.0) / 100 for value in inputs.columns["distance"]
    ]
    env.load = lambda folder: Inverted(int((folder / "version").read_text()))
    assert env.roll(holder="first")[:2] == ["roll_out", "refused"]
    env.registry.tags[4] |= {
        "slipway.disagreement": "9.0",
        "slipway.disagreement.spread": "9.0",
        "slipway.disagreement.correlation": "-1.0",
    }
    assert env.roll("4", holder="second")[:2] == ["roll_out", "refused"]


def test_what_a_registration_said_stands_whatever_the_tags_say(env: EnteredEnv) -> None:
    """Also where a tag was removed, or one was set that it did not have."""
    env.registry.tags[4] = {
        DIGEST: FOURTH,
        TRAINING_END: "2999-01-01T00:00:00+00:00",
        "slipway.metric.roc_auc": "1.0",
        "owner": "ann",
    }
    tags = env.entered.version(MODEL, 4).tags
    assert {name: tags.get(name) for name in TRUE_TAGS} == TRUE_TAGS
    assert ("slipway.metric.roc_auc" in tags, tags["owner"]) == (False, "ann")


def test_sizes_of_a_server_are_those_that_verify_measured(env: EnteredEnv) -> None:
    """A tag of 1 MiB would have had its pod killed."""
    assert env.roll(holder="first") == STEPPED
    measured = env.registry.tags[4].get(RESIDENT_MIB)
    env.registry.tags[4][RESIDENT_MIB] = "1.0"
    told = env.entered.version(MODEL, 4).tags.get(RESIDENT_MIB)
    assert told == (measured or "1.0")


@pytest.mark.parametrize("broken", [None, b"{}", b"garbage"])
def test_kept_tags_that_were_changed_are_not_replaced_by_mlflows(
    env: EnteredEnv, broken: bytes | None
) -> None:
    """The version is compared as one without them, by the stricter limits."""
    key = f"runs/{MODEL}/request-000004/promote_challenger/tags.json"
    if broken is None:
        env.store.delete(key)
    else:
        env.store.write(key, broken)
    assert not TRUE_TAGS.keys() & env.entered.version(MODEL, 4).tags.keys()


def test_a_version_of_an_earlier_release_keeps_its_tags(env: EnteredEnv) -> None:
    """Its registration kept none; what rollouts decided is the ledger's even so."""
    env.registry.tags[1][ROLLOUT_TAG] = "refused"
    tags = env.entered.version(MODEL, 1).tags
    assert (tags[COMPARED_WITH], tags[ROLLOUT_TAG]) == ("version 2", SERVED)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (TRAINING_END, "yesterday"),
        (TRAINING_END, "2013-04-01"),
        ("slipway.decision_threshold", "9" * 400 + "x"),
        ("slipway.decision_threshold", "inf"),
        ("slipway.metric.roc_auc", "nan"),
    ],
)
def test_a_tag_of_an_earlier_release_that_cannot_be_read_is_absent(
    env: EnteredEnv, name: str, value: str
) -> None:
    """What stages would read of it ended them with a bare error; the others stay."""
    env.registry.tags[1][name] = value
    tags = env.entered.version(MODEL, 1).tags
    assert name not in tags
    assert tags[COMPARED_WITH] == "version 2"


def serving(env: EnteredEnv) -> dict[int, str | None]:
    """The tag of each version that a rollout has set."""
    return {number: tags.get(ROLLOUT_TAG) for number, tags in env.registry.tags.items()}


def test_one_version_is_serving_after_a_promotion(env: EnteredEnv) -> None:
    """The tag had stayed on every former champion."""
    env.registry.tags[1][ROLLOUT_TAG] = SERVING
    assert env.roll(holder="sweep") == STEPPED
    assert serving(env) == {1: SERVED, 2: SERVED, 3: ROLLED_BACK, 4: SERVING}


def test_one_version_is_serving_after_a_rollback(env: EnteredEnv) -> None:
    """That which it left is rolled back, and no former champion."""
    assert env.roll(holder="sweep") == STEPPED
    assert env.roll("previous", holder="person")[-1] == "promoted"
    assert serving(env) == {1: SERVED, 2: SERVING, 3: ROLLED_BACK, 4: ROLLED_BACK}


def test_one_version_is_serving_after_a_repair(env: EnteredEnv) -> None:
    """A hand had tagged the others."""
    env.registry.tags[1][ROLLOUT_TAG] = SERVING
    env.platform.apply(MODEL, weights={1: 1.0}, keep=[2], token=0)
    env.registry.aliases.pop("challenger")
    assert env.roll(holder="sweep")[-1] == "promoted"
    assert (serving(env)[1], serving(env)[2]) == (SERVED, SERVING)


class Inverted(OfflinePackage):
    """A package whose version 4 answers the contrary of what others do."""

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of version 4 fall with the distance."""
        if self._version != 4:
            return super().predict(frame)
        return np.asarray(1.0 - frame["distance"].fillna(0.0) / 100)
