"""The retraining policy: a pure function with a reason for each decision."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from slipway.records.requests import Kind
from slipway.spec.model import Retraining
from slipway.stages.train.retrain_policy import RetrainFacts, apply_policy

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
    mode=st.sampled_from(["observe", "suggest", "auto"]),
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
    """The monitor decides again at every sweep, so nothing is lost."""
    judged = apply_policy("drift", RetrainFacts(NOON, 5000, 4500, None, None), Retraining())
    assert judged.action == "suppress"
    assert judged.reason == (
        "500 labels are new since the last training; 1000 are needed (retraining.min_new_labels). "
        "The monitor asks again if the next window says the same."
    )
