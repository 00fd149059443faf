"""Trainings of the past, as the store and the registry have them."""

from __future__ import annotations

from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from slipway.stages.train.training_history import past_trainings
from slipway.stages.train.training_stages import STAGES
from tests.support.retrain_env import ASKED, MODEL, ORIGIN, RetrainEnv, trained

LIMITS = {"min_new_labels": 1, "cooldown_days": 0}


def retrained(env: RetrainEnv, window: str, action: str) -> None:
    """Accept a request of the monitor, and answer it."""
    env.land(1)
    env.drift(window)
    assert env.accept().action == "accept"
    env.train(action)


def test_the_breaker_opens_after_refused_challengers_and_a_person_closes_it() -> None:
    """What is suppressed says which requests were refused, and who may ask."""
    env = trained(**LIMITS, breaker={"rejected": 2})
    for window in ("a", "b"):
        retrained(env, window, "refused")
    env.land(1)
    env.drift("c")
    verdict = env.accept()
    assert verdict.action == "suppress"
    assert "that of request 2 was refused by its gates; that of request 3" in verdict.reason
    assert env.accept(ASKED).action == "accept"
    env.train("refused")
    retrained(env, "d", "refused")


def test_a_version_that_its_rollout_takes_back_counts_as_rejected() -> None:
    """The gates let it pass, and the canary did not."""
    env = trained(**LIMITS, breaker={"rejected": 1})
    env.land(1)
    env.drift("a")
    env.accept()
    for stage in STAGES[:-1]:
        env.finish(stage, "done")
    ref = RunRef(MODEL, env.current().run, STAGES[-1])
    promoted = Verdict("promoted", "It is better.", {"version": 2})
    perform(RunContext(env.store, ORIGIN), ref, lambda _: promoted, inputs={})
    env.answer()
    env.registry.tags[2] = {"slipway.rollout": "aborted"}
    env.land(1)
    env.drift("b")
    assert "version 2 was aborted by its rollout" in env.accept().reason
    env.registry.deleted = {2}
    assert [one.rejected for one in past_trainings(env.store, env.registry, MODEL)] == [None, None]


def test_the_budget_counts_failed_trainings_and_no_dry_runs() -> None:
    """A failure has cost its time; a dry run is a person's own."""
    env = trained(**LIMITS, budget={"trainings": 2, "days": 60})
    env.accept(type(ASKED)("Would it do?", "ada", dry_run=True))
    env.train("dry_run")
    retrained(env, "a", "refused")
    env.land(1)
    env.drift("b")
    assert "The budget of 2 trainings in 60 days is spent until" in env.accept().reason
