"""Limits of retraining over whole histories: budget, breaker, one at a time, and no starvation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from slipway.records.requests import Kind, Outcome
from slipway.spec.retraining import Breaker, Budget, Retraining
from slipway.stages.train.retrain_facts import PastTraining, RetrainFacts, facts_of
from slipway.stages.train.retrain_policy import PolicyDecision, apply_policy
from slipway.values.value_types import LATEST

NOON = datetime(2013, 6, 1, 12, tzinfo=UTC)
POLICIES = st.builds(
    Retraining,
    first_after_labels=st.just(1),
    min_new_labels=st.integers(1, 3),
    cooldown_days=st.integers(0, 9),
    budget=st.none() | st.builds(Budget, trainings=st.integers(1, 3), days=st.integers(1, 30)),
    breaker=st.none() | st.builds(Breaker, rejected=st.integers(1, 3)),
)
AHEAD = st.tuples(st.just("clock"), st.integers(0, 12))
JUMPS = st.tuples(st.just("clock"), st.integers(-40, 12)) | st.tuples(st.just("absurd"), st.just(0))
EVENTS = (
    st.tuples(st.just("ask"), st.sampled_from(["drift", "decay", "cron", "batch", "person"]))
    | st.tuples(st.just("labels"), st.integers(0, 3))
    | st.tuples(st.just("answer"), st.sampled_from(["promoted", "refused", "failed"]))
)
Event = tuple[str, Any]


@dataclass
class History:
    """Requests of one model, decided one after another by the policy."""

    policy: Retraining
    clock: datetime = NOON
    sane: datetime = NOON
    labels: int = 3
    past: list[PastTraining] = field(default_factory=list)

    def happen(self, event: Event) -> None:
        """Let one thing happen."""
        what, value = event
        if what == "clock":
            self.sane += timedelta(days=int(value))
            self.clock = self.sane
        elif what == "absurd":
            self.clock = LATEST
        elif what == "labels":
            self.labels += int(value)
        elif what == "answer":
            self.answer(value)
        else:
            self.ask(value)

    def ask(self, kind: Kind) -> PolicyDecision:
        """Put a request before the policy; each decision shows where the clock stands."""
        facts = self.facts()
        decision = apply_policy(kind, facts, self.policy)
        self.past = [replace(one, at=min(one.at, self.clock)) for one in self.past]
        if decision.action == "accept":
            self.check(kind, facts)
            is_person = kind == "person"
            now = PastTraining(
                number=len(self.past) + 1,
                at=self.clock,
                labels=self.labels,
                automatic=not is_person,
                by_person=is_person,
                outcome=None,
            )
            self.past.insert(0, now)
        return decision

    def answer(self, outcome: Outcome) -> None:
        """Answer what is in flight."""
        if self.past and self.past[0].outcome is None:
            rejected = "it was refused" if outcome == "refused" else None
            self.past[0] = replace(self.past[0], outcome=outcome, rejected=rejected)

    def facts(self) -> RetrainFacts:
        """What the policy decides on now."""
        in_flight = next((one.number for one in self.past if one.outcome is None), None)
        return facts_of(
            iter(self.past),
            self.policy,
            clock=self.clock,
            labels=self.labels,
            in_flight=in_flight,
        )

    def check(self, kind: Kind, facts: RetrainFacts) -> None:
        """Whatever was accepted is alone, and if automatic within budget and breaker."""
        assert facts.in_flight is None
        assert all(one.outcome is not None for one in self.past)
        budget, breaker = self.policy.budget, self.policy.breaker
        if kind == "person":
            return
        if budget is not None:
            began = self.clock - timedelta(days=budget.days)
            assert sum(one.at > began for one in self.past) < budget.trainings
        if breaker is not None:
            row = 0
            for one in self.past:
                if one.by_person or one.outcome == "promoted":
                    break
                row += one.rejected is not None
            assert row < breaker.rejected


@given(POLICIES, st.lists(EVENTS | JUMPS, max_size=25))
def test_never_two_at_once_over_budget_or_past_the_breaker(
    policy: Retraining, events: list[Event]
) -> None:
    """In any order of requests, answers, labels and jumps of the clock."""
    history = History(policy)
    for event in events:
        history.happen(event)


@given(POLICIES, st.lists(EVENTS | AHEAD, max_size=25))
def test_no_span_of_event_time_has_more_automatic_trainings_than_its_budget(
    policy: Retraining, events: list[Event]
) -> None:
    """Wherever the span begins, while the clock goes ahead."""
    history = History(policy)
    for event in events:
        history.happen(event)
    if policy.budget is None:
        return
    began = [one.at for one in history.past if one.automatic][::-1]
    for first, last in zip(began, began[policy.budget.trainings :], strict=False):
        assert last - first >= timedelta(days=policy.budget.days)


@given(POLICIES, st.lists(EVENTS | JUMPS, max_size=25))
def test_a_request_that_stays_due_is_accepted_in_the_end(
    policy: Retraining, events: list[Event]
) -> None:
    """Whatever happened: once the one in flight is answered, labels came, and the clock goes on."""
    history = History(policy)
    for event in [*events, ("answer", "failed"), ("clock", 0)]:
        history.happen(event)
    if policy.breaker and len(history.facts().rejected) >= policy.breaker.rejected:
        assert history.ask("person").action == "accept"
        history.answer("promoted")
    history.labels += policy.min_new_labels
    history.ask("drift")
    history.answer("promoted")
    history.labels += policy.min_new_labels
    history.clock += timedelta(days=31)
    assert history.ask("drift").action == "accept"


@given(POLICIES, st.lists(EVENTS | JUMPS, max_size=25))
def test_reading_the_whole_history_changes_no_decision(
    policy: Retraining, events: list[Event]
) -> None:
    """Only so much of it is read as the rules need."""
    history = History(policy)
    for event in events:
        history.happen(event)
    longest = Retraining(
        budget=Budget(trainings=10_000, days=36_500), breaker=Breaker(rejected=1000)
    )
    whole = facts_of(
        history.past,
        longest,
        clock=history.clock,
        labels=history.labels,
        in_flight=history.facts().in_flight,
    )
    kinds: list[Kind] = ["drift", "person"]
    for kind in kinds:
        found = apply_policy(kind, history.facts(), policy)
        expected = apply_policy(kind, whole, policy)
        assert (found.action, found.reason) == (expected.action, expected.reason)


def past(number: int, *, days: int = 0, **changed: Any) -> PastTraining:
    """An automatic training that was promoted, some days before noon."""
    at = NOON - timedelta(days=days)
    made = PastTraining(number, at, 10, automatic=True, by_person=False, outcome="promoted")
    return replace(made, **changed)


def decided(policy: Retraining, *newest_first: PastTraining) -> PolicyDecision:
    """Decide on a request of the monitor."""
    facts = facts_of(newest_first, policy, clock=NOON, labels=5000, in_flight=None)
    return apply_policy("drift", facts, policy)


def test_a_spent_budget_says_until_when() -> None:
    """Its numbers are recorded; a failed training was paid for too."""
    policy = Retraining(cooldown_days=0, budget=Budget(trainings=2, days=30))
    found = decided(policy, past(3, days=2, outcome="failed"), past(2, days=10), past(1, days=29))
    assert found.action == "suppress"
    assert found.reason.startswith(
        "The budget of 2 trainings in 30 days is spent until 2013-06-21 12:00 UTC of event time; "
        "it is 2013-06-01 12:00 (retraining.budget)."
    )
    assert (found.numbers["trainings"], found.numbers["trainings_limit"]) == (3, 2)
    assert decided(policy, past(2, days=10), past(1, days=31)).action == "accept"


def test_a_training_of_an_absurd_clock_counts_from_its_correction() -> None:
    """It neither blocks for ever nor is forgotten."""
    policy = Retraining(first_after_labels=1, min_new_labels=1, budget=Budget(trainings=1, days=30))
    history = History(policy)
    history.happen(("absurd", 0))
    assert history.ask("drift").action == "accept"
    history.happen(("answer", "refused"))
    history.happen(("labels", 3))
    for days, action in ((0, "suppress"), (29, "suppress"), (1, "accept")):
        history.happen(("clock", days))
        assert history.ask("drift").action == action


def test_a_clock_that_goes_back_a_little_does_not_end_the_cool_down() -> None:
    """The newest row was corrected by an hour."""
    policy = Retraining(cooldown_days=7)
    found = decided(policy, past(1, days=0, at=NOON + timedelta(hours=1)))
    assert "lasts until 2013-06-08 12:00 UTC" in found.reason


def test_an_open_breaker_names_what_was_rejected() -> None:
    """By gates or by a rollout; a failure between is no judgement of a challenger."""
    policy = Retraining(cooldown_days=0, breaker=Breaker(rejected=2))
    rolled_back = past(3, days=5, rejected="version 2 was rolled back by its rollout")
    failed = past(4, days=4, outcome="failed")
    refused = past(5, outcome="refused", rejected="that of request 5 was refused by its gates")
    found = decided(policy, refused, failed, rolled_back, past(1, days=60))
    assert found.reason.startswith(
        "The newest 2 challengers in a row were rejected: version 2 was rolled back by its "
        "rollout; that of request 5 was refused by its gates. Automatic requests stop until a "
        "person asks for a training (retraining.breaker)."
    )
    assert (found.numbers["rejected"], found.numbers["rejected_limit"]) == (2, 2)
    for closes in (past(4, days=4, by_person=True), past(4, days=4)):
        assert decided(policy, refused, closes, rolled_back).action == "accept"
    off = policy.model_copy(update={"breaker": None})
    assert decided(off, refused, failed, rolled_back).action == "accept"
