"""Outcomes of a pod, stored under a key of its try, errors included."""

from __future__ import annotations

import pytest

from slipway import errors
from slipway.errors import SlipwayError, StoreUnavailable
from slipway.records.outcomes import (
    Listing,
    Outcome,
    find_outcome,
    keep_outcome,
    outcome_key,
)
from slipway.records.run_records import RunRecord, RunRef
from slipway.records.stage_errors import find_error, keep_error
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.spec.problems import Problem, SpecErrors
from tests.fakes.memory_store import MemoryStore

KEY = "outcomes/delay__train/run/accept/try-1.json"
VERDICT = Verdict("accept", "enough labels", {"request": 3}, {"report": "s3://x"})


def test_each_try_of_each_task_has_its_own_key() -> None:
    """Run ids have characters that keys may not have."""
    run = "manual__2026-05-01T10:00:00+00:00"
    keys = {
        outcome_key("d", run, "drift", map_index=index, attempt=attempt)
        for index in (-1, 0, 1)
        for attempt in (1, 2)
    }
    assert len(keys) == 6
    plain = "outcomes/d/manual__2026-05-01T10%3A00%3A00%2B00%3A00/drift"
    assert f"{plain}/try-2.json" in keys
    assert f"{plain}-0/try-1.json" in keys


@pytest.mark.parametrize(
    "outcome",
    [
        VERDICT,
        RunRecord(RunRef("delay", "rollout-7", "reconcile"), 1, VERDICT, {}, {"by": "ann"}, "", ""),
        Listing(VERDICT, {"drift": [{"model": "delay", "window": "2013-05-v1"}], "other": []}),
    ],
)
def test_every_result_of_a_stage_reads_back(store: Store, outcome: Outcome) -> None:
    """The value is equal."""
    assert find_outcome(store, KEY) is None
    keep_outcome(store, KEY, outcome)
    assert find_outcome(store, KEY) == outcome
    assert find_error(store, KEY) is None


def test_the_first_outcome_stays(store: Store) -> None:
    """A late process changes nothing."""
    keep_outcome(store, KEY, VERDICT)
    keep_error(store, KEY, errors.BadBatch("no"))
    keep_outcome(store, KEY, Verdict("nothing", "late"))
    assert find_outcome(store, KEY) == VERDICT


@pytest.mark.parametrize("kind", [errors.LeaseHeld, errors.NotComputable, errors.BadImage])
def test_an_own_error_reads_back(store: Store, kind: type[SlipwayError]) -> None:
    """So the retry policy judges it like the error of a local stage."""
    keep_error(store, KEY, kind("no", expected="a", found="b", where="c", hint="d"))
    error = find_error(store, KEY)
    assert type(error) is kind
    assert str(error) == "no\n  expected: a\n  found: b\n  where: c\n  hint: d"
    assert find_outcome(store, KEY) is None


def test_another_exception_keeps_its_name(store: Store) -> None:
    """It is unexpected here, too."""
    keep_error(store, KEY, ZeroDivisionError("division by zero"))
    error = find_error(store, KEY)
    assert type(error) is RuntimeError
    assert str(error) == "ZeroDivisionError: division by zero"


def test_broken_specs_stay_permanent(store: Store) -> None:
    """Their class is not in `errors`, but they are permanent after reading back."""
    keep_error(store, KEY, SpecErrors([Problem("model.yaml", 3, "owner", "missing")]))
    error = find_error(store, KEY)
    assert isinstance(error, errors.Permanent)
    assert "owner" in str(error)


class GoneStore(MemoryStore):
    """A store that refuses writes."""

    def create(self, key: str, data: bytes) -> bool:
        """Refuse."""
        del data
        raise StoreUnavailable("no answer", where=key)


def test_an_error_outlives_the_store() -> None:
    """The stage's own error is raised, not the store's."""
    keep_error(GoneStore(), KEY, errors.BadBatch("no"))
