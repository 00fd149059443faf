"""Every sentence of `slipway why` holds, whatever rollouts, kills and hands led to the state."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.errors import BadParameter, SlipwayError
from slipway.records import ledger, requests
from slipway.records.idempotent_stage import perform
from slipway.records.leases import find_lease
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import encode
from slipway.records.verdicts import Verdict
from slipway.serving.v2.protocol import Inputs
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.report.why import why
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLOUT_TAG
from tests.fakes.kill_points import KillableProxy, KillableStore, Killed
from tests.support.promotions import promoted
from tests.support.rollout_env import MODEL, RolloutEnv, evidence, score

REGISTRY_WRITES = frozenset({"set_alias", "delete_alias", "tag", "anchor"})


class Life:
    """A model on fakes whose rollouts are cut off and whose registry is edited by hand."""

    def __init__(self) -> None:
        store = KillableStore()
        self.env = RolloutEnv(store=store)
        self.fuse = store.kill_point
        registry = KillableProxy(self.env.registry, self.fuse, writes=REGISTRY_WRITES)
        self.env.registry = registry  # type: ignore[assignment]
        self.runs = 0
        promoted(self.env.store, MODEL, 2, run="rollout-before")

    def challenge(self) -> None:
        """Let a new version pass its gates."""
        registry = self.env.registry
        champion = registry.aliases.get("champion", 0)
        version = max([*registry.tags, 4]) + 1
        registry.tags[version] = {**evidence(version, champion), DIGEST: f"{version:064x}"}
        self.env.platform.models[version] = partial(_scores, version)
        registry.aliases["challenger"] = version
        verdict = Verdict("promoted", "It is better.", {"version": version})
        ref = RunRef(MODEL, f"request-{version:06d}", "promote_challenger")
        perform(RunContext(self.env.store, {}), ref, lambda _: verdict, inputs={})

    def make_anew(self) -> None:
        """Give the champion's number to other bytes, as a model that is deleted and trained again.

        The ledger has no champion with these bytes.
        """
        champion = self.env.registry.aliases.get("champion")
        if champion is not None:
            self.env.registry.tags[champion][DIGEST] = "f" * 64

    def killed(self, writes: int, to: str = "challenger") -> None:
        """Roll out, and be killed after some writes."""
        self.fuse.seen, self.fuse.writes = 0, writes
        with suppress(Killed):
            self.roll(to)
        self.fuse.writes = None

    def roll(self, to: str = "challenger", *, stages: int | None = None) -> None:
        """Roll out, and die after some stages; the lease is over by the next run."""
        self.end_lease()
        self.runs += 1
        env, spec = self.env, self.env.spec
        env.spec = spec.model_copy(
            update={"deployment": spec.deployment.model_copy(update={"shift": _ONE_STEP})}
        )
        with suppress(SlipwayError):
            record = env.reconcile(to, holder=f"run-{self.runs}")
            if record.verdict.action == "nothing":
                return
            run = record.ref.run
            steps: list[Callable[[], Any]] = [
                lambda: env.verify(run),
                lambda: env.shift(run, 10),
                lambda: env.switch(run),
                lambda: env.promote(run),
            ]
            for step in steps[:stages]:
                if step().verdict.action in {"refused", "aborted", "inconclusive"}:
                    return

    def end_lease(self) -> None:
        """Let the lease of a dead rollout expire."""
        lease = find_lease(self.env.store, f"rollout-{MODEL}")
        if lease is not None:
            expired = replace(lease, expires_at=datetime.now(UTC) - timedelta(seconds=1))
            self.env.store.write(lease.key, encode(expired.to_json()))

    def ask(self, *, accept: bool) -> None:
        """File a request and decide on it; an accepted one is answered by the next call."""
        store = self.env.store
        current = requests.in_flight(store, MODEL)
        if current is not None:
            requests.answer(store, current, outcome="failed", reason="It failed.")
        unique = str(len(requests.all_requests(store, MODEL)))
        request = requests.file_request(
            store, MODEL, kind="batch", reason="Labels.", at="2013", by="accept", unique=unique
        )
        action: requests.DecisionAction = "accept" if accept else "suppress"
        requests.decide(store, request, action=action, reason="By a rule.")

    def lines(self) -> dict[str, list[str]]:
        """The lines by their first word."""
        registry: Any = self.env.registry
        told = why(MODEL, store=self.env.store, registry=registry, platform=self.env.platform)
        found: dict[str, list[str]] = {}
        for line in told:
            word, _, sentence = line.partition(": ")
            found.setdefault(word, []).append(sentence)
        return found


def _scores(version: int, inputs: Inputs) -> list[float]:
    """Scores of a version as its package predicts them."""
    known = [value is not None for value in inputs.columns["origin"]]
    scores: list[float] = score(version, inputs.columns["distance"], known).tolist()
    return scores


_ONE_STEP = RolloutEnv().spec.deployment.shift.model_copy(update={"steps": [10]})

EVENTS: Mapping[str, Callable[[Life], Any]] = {
    "a challenger": Life.challenge,
    "a rollout": Life.roll,
    "a rollout that dies after reconcile": lambda life: life.roll(stages=0),
    "a rollout that dies after verify": lambda life: life.roll(stages=1),
    "a rollout that dies in its step": lambda life: life.roll(stages=2),
    "a rollout that dies after switch": lambda life: life.roll(stages=3),
    **{
        f"a rollout killed after {writes} writes": lambda life, writes=writes: life.killed(writes)
        for writes in range(2, 64, 3)
    },
    **{
        f"a rollback killed after {writes} writes": (
            lambda life, writes=writes: life.killed(writes, "previous")
        )
        for writes in range(2, 40, 4)
    },
    "a rollback": lambda life: life.roll("previous"),
    "a lenient server": lambda life: setattr(life.env.platform, "lenient", True),
    "a strict server": lambda life: setattr(life.env.platform, "lenient", False),
    "a failing canary": lambda life: life.env.platform.failing.update(
        dict.fromkeys(range(5, 9), 1)
    ),
    "a dead server": lambda life: life.env.platform.sick.update({2}),
    "an accepted request": lambda life: life.ask(accept=True),
    "a suppressed request": lambda life: life.ask(accept=False),
    "the alias champion deleted": lambda life: life.env.registry.aliases.pop("champion", None),
    "the alias challenger deleted": lambda life: life.env.registry.aliases.pop("challenger", None),
    "the alias previous deleted": lambda life: life.env.registry.aliases.pop("previous", None),
    "the alias champion moved": lambda life: life.env.registry.aliases.update(
        {"champion": max(life.env.registry.tags)}
    ),
    "the champion deleted": lambda life: life.env.registry.delete_version(
        life.env.registry.aliases.get("champion", 0)
    ),
    "the challenger deleted": lambda life: life.env.registry.delete_version(
        life.env.registry.aliases.get("challenger", 0)
    ),
    "the champion made anew": Life.make_anew,
    "the platform forgets": lambda life: life.env.platform.forget(MODEL),
}


@settings(max_examples=100)
@given(events=st.lists(st.sampled_from(sorted(EVENTS)), max_size=7), is_over=st.booleans())
def test_every_sentence_holds(events: list[str], *, is_over: bool) -> None:
    """Each line is held against registry, platform and ledger, and against the next reconcile."""
    life = Life()
    for event in events:
        EVENTS[event](life)
    if is_over:
        life.end_lease()
    hold(life)


@pytest.mark.parametrize("to", ["challenger", "previous"])
def test_every_sentence_holds_after_a_kill_at_each_write(to: str) -> None:
    """Case 1: a stopped rollout is told as stopped, and what the next deploy does about it."""
    undisturbed = Life()
    undisturbed.challenge()
    undisturbed.fuse.seen = 0
    undisturbed.roll(to)
    assert undisturbed.fuse.seen > 20
    for writes in range(undisturbed.fuse.seen):
        for is_over in (True, False):
            life = Life()
            life.challenge()
            life.killed(writes, to)
            if is_over:
                life.end_lease()
            hold(life)


def hold(life: Life) -> None:
    """Hold every line against registry, platform, ledger and the next reconcile."""
    told = life.lines()
    [served], [since], [refused], [following] = (
        told[word] for word in ("Served", "Since", "Refused", "Next")
    )
    _served_holds(life, served)
    _since_holds(life, since)
    _refused_holds(life, refused)
    for lost in told.get("Lost", []):
        _loss_holds(life, lost)
    _lost_champion_is_told(life, told.get("Lost", []))
    _next_holds(life, following, served)


def _served_holds(life: Life, sentence: str) -> None:
    live = life.env.platform.served(MODEL)
    weights = dict(live.weights) if live else {}
    version = live.version if live else None
    champion = life.env.registry.aliases.get("champion")
    if sentence.startswith("nothing;"):
        assert (weights, champion) == ({}, None)
    elif found := re.fullmatch(rf"{MODEL} version (\d+)\.", sentence):
        assert version == champion == int(found[1])
    elif found := re.search(r"version (\d+) is served and", sentence):
        assert version == int(found[1]) != champion
    elif "nothing is served" in sentence:
        assert not weights
    elif "cannot answer" in sentence:
        assert weights
        assert version is None
    elif found := re.search(r"version (\d+) is champion with other bytes", sentence):
        assert version == champion == int(found[1])
        assert live is not None
        assert live.digests[version] != life.env.registry.tags[version][DIGEST]
    else:
        assert "share its requests" in sentence
        assert len(weights) > 1


def _since_holds(life: Life, sentence: str) -> None:
    """The ledger always has the promotion of before."""
    entries = [
        entry["fact"]
        for entry in ledger.read(life.env.store, MODEL)
        if entry["fact"]["stage"] == "promote_champion"
    ]
    newest = entries[-1]
    assert newest["reason"] in sentence
    champion = life.env.registry.aliases.get("champion")
    if champion is not None and newest["numbers"]["version"] != champion:
        assert sentence.startswith(f"the ledger has no promotion of version {champion};")
    else:
        assert not sentence.startswith("the ledger has no")


def _refused_holds(life: Life, sentence: str) -> None:
    actions = {entry["fact"]["action"] for entry in ledger.read(life.env.store, MODEL)}
    refusals = actions & {"refused", "aborted", "inconclusive", "suppress"}
    assert (sentence == "nothing so far.") == (not refusals)


def _loss_holds(life: Life, sentence: str) -> None:
    found = re.match(
        r"the (previous champion|champion|challenger), version (\d+), is lost", sentence
    )
    assert found
    alias, version = found[1].removesuffix(" champion"), int(found[2])
    registry = life.env.registry
    assert alias not in registry.aliases
    assert ("MLflow has the version" in sentence) == (version in registry.tags)
    if f"`slipway rollback {MODEL}`" in sentence:
        back = int(re.findall(r"return to version (\d+) with", sentence)[0])
        assert registry.aliases["previous"] == back


def _lost_champion_is_told(life: Life, losses: list[str]) -> None:
    is_lost = "champion" not in life.env.registry.aliases
    assert is_lost == any(sentence.startswith("the champion,") for sentence in losses)


def _next_holds(life: Life, sentence: str, served: str) -> None:
    env = life.env
    current = requests.in_flight(env.store, MODEL)
    if "is being worked on" in sentence:
        assert current is not None
        return
    assert current is None
    lease = find_lease(env.store, f"rollout-{MODEL}")
    if "is under way" in sentence:
        assert lease is not None
        assert not lease.released
        return
    if "until then nothing is monitored" in sentence:
        assert "champion" not in env.registry.aliases
    challenger = env.registry.aliases.get("challenger")
    blocked = env.registry.tags[challenger].get(ROLLOUT_TAG) in BLOCKED if challenger else False
    if "the challenger, was" in sentence:
        assert blocked
    else:
        assert not (blocked and "waits for deploy" in sentence)
    _deploy_holds(life, sentence, served)


def _deploy_holds(life: Life, sentence: str, served: str) -> None:
    """What the next deploy is said to do is what the next reconcile decides."""
    life.end_lease()
    before = life.env.platform.served(MODEL)
    record = life.env.reconcile(holder="the next run")
    action, version = record.verdict.action, record.verdict.numbers["version"]
    live = life.env.platform.served(MODEL)
    if "deploy completes" in sentence:
        # The completion may have ended in a refusal, or in a rollout of its own.
        assert "was stopped" in record.verdict.reason
        return
    if found := re.search(r"version (\d+) is challenger and waits for deploy", sentence):
        assert (action, version) == ("roll_out", int(found[1]))
    elif "deploy repairs it" in sentence:
        assert action == "repair"
        assert live is not None
        assert dict(live.weights) == {version: 1.0}
    elif found := re.search(r"deploy (rolls out|returns to) version (\d+)", sentence):
        verb = "roll_out" if found[1] == "rolls out" else "roll_back"
        assert (action, version) == (verb, int(found[2]))
    else:
        assert action == "nothing"
    if served.endswith("deploy leaves it so."):
        assert action == "nothing"
        assert (live and live.weights) == (before and before.weights)


def test_a_deleted_alias_comes_back_by_a_rollout_of_its_version() -> None:
    """Case 4: the way out that `why` names leads out, and serving goes on meanwhile."""
    life = Life()
    del life.env.registry.aliases["champion"]
    life.env.reconcile()
    assert life.env.weights() == {2: 1.0}
    assert "run delay__deploy with `to` set to 2" in life.lines()["Lost"][0]
    life.roll("2")
    assert life.env.registry.aliases["champion"] == 2
    assert "Lost" not in life.lines()


def test_the_verdict_of_deploy_tells_a_lost_champion() -> None:
    """Case 4: "there is no challenger" alone hides why nothing is done."""
    life = Life()
    life.env.registry.delete_version(2)
    verdict = life.env.reconcile().verdict
    assert verdict.action == "nothing"
    assert "The champion, version 2, is lost: MLflow has no version 2" in verdict.reason


@pytest.mark.parametrize("alias", ["previous", "champion"])
def test_a_rollback_without_its_version_says_which_is_lost(alias: str) -> None:
    """Case 4: "there is no previous champion" would be false, and its hint too."""
    life = Life()
    life.challenge()
    life.roll()
    life.env.registry.delete_version(2)
    if alias == "champion":
        life.env.registry.delete_version(5)
    with pytest.raises(BadParameter) as refused:
        life.env.reconcile("previous", holder="a person")
    assert refused.value.message == (
        "cannot roll back: the previous champion, version 2, is lost: "
        "MLflow has no version 2 of delay"
    )
    assert "run delay__deploy with a number" in str(refused.value.hint)


def test_a_deleted_champion_is_replaced_by_a_rollback() -> None:
    """Case 4: the second way out."""
    life = Life()
    life.env.registry.delete_version(2)
    assert "return to version 1 with `slipway rollback delay`" in life.lines()["Lost"][0]
    life.roll("previous")
    assert life.env.weights() == {1: 1.0}
    assert life.env.registry.aliases["champion"] == 1
    assert "Lost" not in life.lines()


def test_a_repair_that_was_cut_off_does_not_empty_the_traffic() -> None:
    """Case 4: the alias was deleted before the next run finished the repair."""
    life = Life()
    life.env.platform.forget(MODEL)
    life.roll(stages=0)
    assert life.env.weights() == {2: 1.0}
    del life.env.registry.aliases["champion"]
    life.roll(stages=0)
    assert life.env.weights() == {2: 1.0}
