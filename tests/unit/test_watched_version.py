"""Where what serves differs from the champion, monitoring measures what serves, and says so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.stages.monitor.decide.decide_retraining import decide
from slipway.wiring.monitor import list_windows
from tests.fakes.fixed_status import FixedPlatform
from tests.support import ferry_dataset
from tests.support.collect_env import CollectEnv
from tests.support.promotions import promoted


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
    assert "version 2 is served and version 1 is champion; deploy" in str(due["difference"])
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
        f"{before} Watched is what serves: version 2 is served and version 1 is champion; deploy"
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
