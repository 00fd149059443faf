"""The retraining policy: a pure function with a reason for each decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from slipway.records.requests import Kind
from slipway.spec.retraining import Retraining
from slipway.stages.train.retrain_facts import RetrainFacts
from slipway.stages.train.retrain_policy import apply_policy
from slipway.values.value_types import LATEST

NOON = datetime(2013, 6, 1, 12, tzinfo=UTC)
KINDS = st.sampled_from(["first", "batch", "cron", "person", "decay", "drift"])
AUTOMATIC = st.sampled_from(["first", "batch", "cron", "decay", "drift"])
COUNTS = st.integers(0, 5000)
FACTS = st.builds(
    RetrainFacts,
    clock=st.just(NOON),
    labels=COUNTS,
    trained_labels=st.none() | COUNTS,
    in_flight=st.none() | st.integers(1, 9),
    last_automatic=st.none() | st.integers(0, 30).map(lambda days: NOON - timedelta(days=days)),
)
POLICIES = st.builds(
    Retraining,
    mode=st.sampled_from(["observe", "suggest", "approve", "auto"]),
    first_after_labels=st.integers(1, 3000),
    min_new_labels=st.integers(1, 3000),
    cooldown_days=st.integers(0, 20),
)


@given(KINDS, FACTS, POLICIES)
def test_every_answer_has_a_reason_and_the_numbers(
    kind: Kind, facts: RetrainFacts, policy: Retraining
) -> None:
    """A person can read why a request is accepted or suppressed."""
    judged = apply_policy(kind, facts, policy)
    assert judged.reason.endswith(".")
    assert judged.numbers["labels"] == facts.labels
    assert judged.numbers["clock"] == NOON.isoformat()


@given(KINDS, FACTS, POLICIES)
def test_one_at_a_time_and_never_without_labels(
    kind: Kind, facts: RetrainFacts, policy: Retraining
) -> None:
    """Not even a manual request starts a second training, or one without enough labels."""
    if apply_policy(kind, facts, policy).action == "accept":
        assert facts.in_flight is None
        assert facts.labels >= policy.first_after_labels


@given(AUTOMATIC, FACTS, POLICIES)
def test_nothing_automatic_is_accepted_against_the_rules(
    kind: Kind, facts: RetrainFacts, policy: Retraining
) -> None:
    """Mode, new labels and cool-down apply to all automatic requests."""
    if apply_policy(kind, facts, policy).action == "accept":
        assert policy.mode == "auto"
        assert facts.trained_labels is None or (
            facts.labels - facts.trained_labels >= policy.min_new_labels
        )
        assert facts.last_automatic is None or (
            NOON - facts.last_automatic >= timedelta(days=policy.cooldown_days)
        )


@given(AUTOMATIC, FACTS, POLICIES)
def test_what_is_accepted_automatically_a_person_may_ask_for_too(
    kind: Kind, facts: RetrainFacts, policy: Retraining
) -> None:
    """A manual request is never more restricted than the monitor's."""
    if apply_policy(kind, facts, policy).action == "accept":
        assert apply_policy("person", facts, policy).action == "accept"


@given(AUTOMATIC, FACTS, POLICIES, st.integers(0, 5000), st.integers(0, 60))
def test_acceptance_is_monotone_in_labels_and_time(
    kind: Kind, facts: RetrainFacts, policy: Retraining, labels: int, days: int
) -> None:
    """A request that is accepted now would be accepted later."""
    later = RetrainFacts(
        clock=facts.clock + timedelta(days=days),
        labels=facts.labels + labels,
        trained_labels=facts.trained_labels,
        in_flight=facts.in_flight,
        last_automatic=facts.last_automatic,
    )
    if apply_policy(kind, facts, policy).action == "accept":
        assert apply_policy(kind, later, policy).action == "accept"


def test_a_suppressed_drift_request_says_what_happens_next() -> None:
    """Nothing is lost: each sweep looks whether it is due still."""
    judged = apply_policy("drift", RetrainFacts(NOON, 5000, 4500, None, None), Retraining())
    assert judged.action == "suppress"
    assert judged.reason == (
        "500 labels are new since the last training; 1000 are needed (retraining.min_new_labels). "
        "It is asked again once the rules allow it, unless a window says otherwise."
    )


def test_a_cool_down_from_a_clock_that_was_corrected_does_not_hold_for_ever() -> None:
    """An absurd event time moved the clock for a while; at a later moment nothing is left of it."""
    policy = Retraining(mode="auto", cooldown_days=7, first_after_labels=1, min_new_labels=1)
    for last, action in ((LATEST, "accept"), (NOON - timedelta(days=6), "suppress")):
        facts = RetrainFacts(NOON, 100, 50, None, last)
        assert apply_policy("drift", facts, policy).action == action


def test_a_clock_at_the_end_of_the_calendar_raises_nothing() -> None:
    """The cool-down ends with it."""
    facts = RetrainFacts(LATEST, 100, 50, None, LATEST - timedelta(days=1))
    policy = Retraining(mode="auto", cooldown_days=7, first_after_labels=1, min_new_labels=1)
    assert "lasts until 9999-12-31 23:59" in apply_policy("drift", facts, policy).reason
