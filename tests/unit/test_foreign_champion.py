"""Case 4: a hand moved the alias `champion`: told as such, with what the next deploy does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.decide.decide_retraining import decide
from slipway.stages.report.status import status
from slipway.stages.report.why import why
from slipway.stages.rollout.version_outcome import ROLLED_BACK, ROLLOUT_TAG, VERIFIED
from slipway.wiring.monitor import list_windows
from tests.fakes.fixed_status import FixedPlatform
from tests.support import ferry_dataset
from tests.support.collect_env import CollectEnv
from tests.support.promotions import promoted
from tests.support.rollout_env import MODEL, RolloutEnv

BY_LEDGER = "by the ledger version 2 is champion since"
MOVED = f"o record of Slipway moved the alias `champion` there, {BY_LEDGER}"


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves and is champion, also by the ledger."""
    made = RolloutEnv()
    promoted(made.store, MODEL, 2, run="rollout-before")
    return made


def told(env: RolloutEnv) -> str:
    """The first line of `why`; `status` has the same difference."""
    ports: dict[str, Any] = {
        "store": env.store,
        "registry": env.registry,
        "platform": env.platform,
    }
    line = why(MODEL, **ports)[0]
    difference = status(MODEL, **ports).difference
    if difference is not None:
        assert line == f"Served: {MODEL}: {difference}."
    return line


def test_a_champion_that_a_hand_made_is_told_as_such(env: RolloutEnv) -> None:
    """It was verified before: deploy gives it all requests, and verifies it then."""
    env.registry.aliases["champion"] = 1
    line = told(env)
    assert f"version 2 is served and version 1 is champion; n{MOVED}" in line
    assert line.endswith("; deploy repairs it: version 1 gets all requests, and is verified then.")
    record = env.reconcile()
    assert (record.verdict.action, env.weights()) == ("repair", {1: 1.0})
    assert f"version 1 is champion, but version 2 answers. N{MOVED}" in record.verdict.reason
    run = record.ref.run
    for stage in (env.verify, env.switch, env.promote):
        stage(run)
    assert told(env) == f"Served: {MODEL} version 1."
    assert MOVED not in env.reconcile(holder="the next sweep").verdict.reason


def test_a_champion_by_hand_that_was_rolled_back_is_left(env: RolloutEnv) -> None:
    """Deploy gives it nothing, and says why."""
    env.registry.aliases["champion"] = 3
    env.registry.tags[3][ROLLOUT_TAG] = ROLLED_BACK
    assert told(env).endswith("; deploy leaves it so, since version 3 was rolled back.")
    verdict = env.reconcile().verdict
    assert (verdict.action, env.weights()) == ("nothing", {2: 1.0})
    assert f"version 2 is served. N{MOVED}" in verdict.reason


def test_a_champion_by_hand_that_was_no_canary_yet_is_rolled_out(env: RolloutEnv) -> None:
    """It was verified only."""
    env.registry.aliases["champion"] = 3
    env.registry.tags[3][ROLLOUT_TAG] = VERIFIED
    assert told(env).endswith("; deploy rolls out version 3, from verify on.")
    verdict = env.reconcile().verdict
    assert (verdict.action, verdict.numbers["version"]) == ("roll_out", 3)
    assert f"N{MOVED}" in verdict.reason


def test_a_champion_of_which_the_ledger_has_no_promotion_is_told() -> None:
    """Nobody ever was champion by a record."""
    env = RolloutEnv()
    env.registry.aliases["champion"] = 1
    assert "no record of Slipway made version 1 champion; deploy" in told(env)
    assert env.reconcile().verdict.reason.endswith(" No record of Slipway made version 1 champion.")


def test_a_champion_that_is_not_served_is_not_blamed_on_a_hand(env: RolloutEnv) -> None:
    """The platform forgot it; the alias is where the ledger has it."""
    env.platform.forget(MODEL)
    assert "no record" not in told(env)
    assert "o record" not in env.reconcile().verdict.reason


def served(version: int) -> FixedPlatform:
    """A platform on which one version takes every request."""
    return FixedPlatform({version: 1.0})


def monitored(alias: int) -> CollectEnv:
    """Version 2 serves and is champion by the ledger; the alias names any."""
    env = CollectEnv(until="2013-07-02")
    promoted(env.store, "ferry_delay", 2)
    env.registry.aliases["champion"] = alias
    return env


def test_monitoring_watches_what_serves() -> None:
    """It measured the windows of the alias, green, while nobody watched what served."""
    env = monitored(alias=1)
    due = env.collect(platform=served(2))
    assert (due["champion"], due["watched"]) == (1, 2)
    assert due["drift"] == ["2013-05-v2", "2013-06-v2"]
    assert f"version 2 is served and version 1 is champion; n{MOVED}" in str(due["difference"])
    assert env.collect(platform=served(1))["watched"] == 1


def test_the_decision_is_about_what_serves_and_says_so() -> None:
    """It is recorded anew once the alias has moved, and once it is back."""
    env = monitored(alias=2)
    for window in ("2013-05-v2", "2013-06-v2"):
        ref = RunRef("ferry_delay", f"window-{window}", "drift")
        verdict = Verdict("ok", "Fine.")
        perform(RunContext(env.store, {}), ref, lambda _, one=verdict: one, inputs={})

    def decided() -> str:
        return decide(
            ferry_dataset.model(),
            ferry_dataset.dataset(),
            context=RunContext(env.store, {}),
            tables=env.tables,
            registry=env.registry,
            log=env.log,
            platform=served(2),
        ).reason

    before = decided()
    assert "none of the last 2 windows is decayed or drifting" in before
    env.registry.aliases["champion"] = 1
    assert decided().startswith(
        f"{before} Watched is what serves: version 2 is served and version 1 is champion; n{MOVED}"
    )
    env.registry.aliases["champion"] = 2
    assert decided() == before


def test_the_verdict_of_collect_names_the_version_that_is_watched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In Airflow and in the shell."""
    env = monitored(alias=1)
    monkeypatch.setattr(
        "slipway.wiring.monitor.collect", lambda **_: env.collect(platform=served(2))
    )
    container = SimpleNamespace(model=lambda _: ferry_dataset.model())
    call: Any = SimpleNamespace(inputs={"model": "ferry_delay"}, container=container)
    verdict = list_windows.run(call).verdict
    assert verdict.reason.endswith("; version 2 is watched.")
    assert (verdict.numbers["champion"], verdict.numbers["watched"]) == (1, 2)
