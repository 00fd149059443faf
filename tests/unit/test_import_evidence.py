"""Evidence of a version in its own environment: what is missing, verdict by verdict."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.records.ledger import Head
from slipway.records.verdicts import Verdict
from slipway.stages.import_version.evidence import ROLLED_OUT, TRAINED, Evidence
from slipway.stages.rollout.version_outcome import SERVING

WORDS = TRAINED | ROLLED_OUT


def evidence(words: dict[str, str] = WORDS, **changes: Any) -> Evidence:
    """Evidence of a version that was trained, and served."""
    facts = {
        "version": 1,
        "born": "request-000001",
        "rollout": "rollout-000001",
        "was_rolled_back": False,
        "tag": SERVING,
        "head": Head(9, "c0ffee"),
        "verdicts": {stage: Verdict(word, "a reason") for stage, word in words.items()},
        "records": {},
    }
    return Evidence(**facts | changes)


def test_a_version_that_served_lacks_no_evidence() -> None:
    """Every stage recorded the verdict that an import needs."""
    assert evidence().missing() == []


@pytest.mark.parametrize("action", ["aborted", "zeroed"])
@pytest.mark.parametrize("stage", WORDS)
def test_any_other_verdict_of_a_stage_is_missing_evidence(stage: str, action: str) -> None:
    """Whether it sorts before or after the expected verdict."""
    [reason] = evidence(WORDS | {stage: action}).missing()
    assert reason == f"the verdict of its {stage} is {action!r} instead of {WORDS[stage]!r}"


@pytest.mark.parametrize("stage", WORDS)
def test_a_stage_without_a_record_is_missing_evidence(stage: str) -> None:
    """A missing record counts like a wrong verdict."""
    words = {name: word for name, word in WORDS.items() if name != stage}
    assert evidence(words).missing() == [f"there is no record of its {stage}"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"head": None}, "the head of its ledger was never anchored in MLflow"),
        ({"was_rolled_back": True}, "rollout-000001 rolled it back"),
        ({"tag": ""}, "its tag slipway.rollout is 'absent' instead of 'serving'"),
    ],
)
def test_a_version_that_does_not_serve_there_lacks_evidence(
    changes: dict[str, Any], reason: str
) -> None:
    """Its ledger, its newest rollout and its tag must all show that it serves."""
    assert evidence(**changes).missing() == [reason]
