"""Hold every line of `slipway why` against registry, platform, ledger and the next reconcile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from slipway.records import ledger, requests
from slipway.records.champion_history import PROMOTED, REGISTERED, champion_as_of
from slipway.records.leases import find_lease
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout.version_outcome import BLOCKED, ROLLOUT_TAG
from tests.support.rollout_env import MODEL
from tests.support.why.life import Life


def hold(life: Life) -> None:
    """Hold every line against registry, platform, ledger and the next reconcile."""
    told = life.lines()
    [served], [since], [refused], [following] = (
        told[word] for word in ("Served", "Since", "Refused", "Next")
    )
    is_known = life.mlflow.answers
    if is_known:
        _served_holds(life, served)
    else:
        assert "which version is champion is not known: MLflow does not answer" in served
    _since_holds(life, since)
    _history_holds(life, since)
    _refused_holds(life, refused)
    for lost in told.get("Lost", []):
        _loss_holds(life, lost)
    if is_known:
        _lost_champion_is_told(life, told.get("Lost", []))
    _waits_hold(life, told.get("Waits", []))
    life.mlflow.answers = True
    if is_known or "MLflow does not answer" not in following:
        _next_holds(life, following, served)
    else:
        _completion_holds(life, following)


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
        if "no record of Slipway moved the alias" in sentence:
            newest = champion_as_of(life.env.store, MODEL, datetime.now(UTC))
            assert newest is not None
            assert f"by the ledger version {newest.version} is champion since" in sentence
            assert newest.version != champion
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
    """The ledger always has the promotion of before, and any repair that confirmed it."""
    entries = [
        entry["fact"]
        for entry in ledger.read(life.env.store, MODEL)
        if entry["fact"]["stage"] == "promote_champion"
    ]
    newest = entries[-1]
    champion = champion_as_of(life.env.store, MODEL, datetime.now(UTC))
    assert champion is not None
    assert champion.reason in sentence
    assert newest["run"] in sentence
    if champion.record != newest["record"]:
        assert newest["numbers"]["action"] == "repair"
        assert newest["numbers"]["version"] == champion.version
        assert f"by {newest['run']}, a repair." in sentence


def _history_holds(life: Life, sentence: str) -> None:
    """Every promotion counts: when a version was champion before, and which rollout ended that."""
    live = life.env.platform.served(MODEL)
    weights = dict(live.weights) if live else {}
    about = life.env.registry.aliases.get("champion")
    if not life.mlflow.answers:
        about = max(weights, key=weights.__getitem__, default=None)
    champion, ended = None, dict[int, str]()
    for run, version in _promotions(life):
        if champion is not None and champion != version:
            ended[champion] = run
        champion = version
    if about is None or about == champion:
        assert not sentence.startswith(("the ledger has no", "by the ledger"))
        return
    if about in ended:
        assert sentence.startswith(f"by the ledger version {champion} is champion since ")
        assert f"Version {about} was champion before, until {ended[about]}." in sentence
    else:
        assert sentence.startswith(f"the ledger has no promotion of version {about};")
    if live is None or weights != {about: 1.0}:
        return
    run = f"rollout-{live.token:06d}"
    # A rollout may be killed between a stage's record and its entry, which the next one makes.
    facts = [entry["fact"] for entry in ledger.read(life.env.store, MODEL)]
    switches = [fact["action"] for fact in facts if (fact["stage"], fact["run"]) == ("switch", run)]
    if "switched" in switches:
        assert f"Since then {run}, a " in sentence


def _promotions(life: Life) -> Iterator[tuple[str, int]]:
    for entry in ledger.read(life.env.store, MODEL):
        if entry["fact"]["stage"] == "promote_champion":
            yield entry["fact"]["run"], entry["fact"]["numbers"]["version"]


def _completion_holds(life: Life, sentence: str) -> None:
    """During an outage the rollout is named that the next deploy completes afterwards."""
    life.end_lease()
    reason = life.env.reconcile(holder="the next run").verdict.reason
    found = re.search(r"deploy completes (rollout-\d+) first, once MLflow answers", sentence)
    assert (found is not None) == ("was stopped" in reason)
    if found is not None:
        assert f"{found[1]} was stopped" in reason


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


def _waits_hold(life: Life, sentences: list[str]) -> None:
    """What waited was told while it did; after a kill it is told with when it was heard of last."""
    for number, seen in life.seen_waiting:
        assert any(f"for rollout-{number:06d} of" in sentence for sentence in seen)
    lease = find_lease(life.env.store, f"rollout-{MODEL}")
    for sentence in sentences:
        assert "was heard of last at" in sentence
        if found := re.search(r"for rollout-(\d+) of (\S+), which", sentence):
            assert lease is not None
            assert lease.is_open(datetime.now(UTC))
            assert (lease.number, lease.holder) == (int(found[1]), found[2])
        else:
            assert "waits for nothing any more" in sentence


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
        assert challenger is not None
        _return_holds(life, challenger, sentence)
    else:
        assert not (blocked and "waits for deploy" in sentence)
    _deploy_holds(life, sentence, served)


def _return_holds(life: Life, version: int, sentence: str) -> None:
    """The reason of a return is that of the rollout that took the version back."""
    reasons = dict[str, str]()
    took_back: str | None = None
    for entry in ledger.read(life.env.store, MODEL):
        fact = entry["fact"]
        numbers, kind = fact["numbers"], (fact["stage"], fact["action"])
        if kind in {("reconcile", "roll_back"), ("reconcile", "repair")}:
            reasons[fact["run"]] = fact["reason"]
        elif kind in REGISTERED and numbers["version"] == version:
            took_back = None
        gone = {("take_back", "marked"): numbers.get("version")}
        if kind == PROMOTED and numbers["action"] == "roll_back":
            gone[PROMOTED] = numbers["before"]
        if gone.get(kind) == version:
            took_back = fact["run"]
    if "was rolled back" in sentence and took_back is not None:
        reason = reasons[took_back].removesuffix(".")
        assert f"because {reason[0].lower()}{reason[1:]}; " in sentence


def _deploy_holds(life: Life, sentence: str, served: str) -> None:
    """What the next deploy is said to do is what the next reconcile decides."""
    life.end_lease()
    before = life.env.platform.served(MODEL)
    record = life.env.reconcile(holder="the next run")
    action, version = record.verdict.action, record.verdict.numbers["version"]
    live = life.env.platform.served(MODEL)
    if "deploy cannot complete" in sentence:
        assert "cannot be completed" in record.verdict.reason
        return
    if "deploy completes" in sentence:
        # The completion may have ended in a refusal, or in a rollout of its own.
        assert "was stopped" in record.verdict.reason
        return
    if found := re.search(r"version (\d+) is challenger and waits for deploy", sentence):
        assert (action, version) == ("roll_out", int(found[1]))
    elif found := re.search(r"deploy confirms version (\d+)", sentence):
        assert (action, version) == ("repair", int(found[1]))
        assert before is not None
        assert dict(before.weights) == {version: 1.0}
    elif "deploy repairs it" in sentence:
        assert action == "repair"
        assert live is not None
        assert dict(live.weights) == {version: 1.0}
    elif found := re.search(r"deploy (rolls out|returns to) version (\d+)", sentence):
        verb = "roll_out" if found[1] == "rolls out" else "roll_back"
        assert (action, version) == (verb, int(found[2]))
    else:
        assert action == "nothing"
    if "deploy leaves it so" in served:
        assert action == "nothing"
        assert (live and live.weights) == (before and before.weights)
