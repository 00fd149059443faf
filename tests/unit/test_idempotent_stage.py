"""Run records: written once, fenced, and entered in the ledger."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from slipway.adapters.object_store import open_store
from slipway.errors import (
    BadBatch,
    NotComputable,
    NotFound,
    Permanent,
    SlipwayError,
    StoreUnavailable,
    Superseded,
)
from slipway.records import ledger
from slipway.records.attempts import Attempt, find_failure
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord, RunRef, find_record, need_record
from slipway.records.store import Store, encode, read_json
from slipway.records.verdicts import Verdict
from tests.fakes.memory_store import MemoryStore
from tests.support.racing import race

REF = RunRef("delay", "request-000001", "gate")
GOOD = Verdict("promote", "0.75 is more than 0.72.", {"auc": 0.75, "champion": None}, {"x": "y"})


def _perform(store: Store, work: Callable[[Attempt], Verdict]) -> RunRecord:
    return perform(RunContext(store, {"by": "ann"}), REF, work, inputs={"version": 3})


def _never(attempt: Attempt) -> Verdict:
    raise AssertionError(attempt)


def test_work_is_recorded_with_what_went_in() -> None:
    """The record reads back unchanged."""
    store = MemoryStore()
    record = _perform(store, lambda _: GOOD)
    assert (record.ref, record.attempt, record.verdict) == (REF, 1, GOOD)
    assert (record.inputs, record.origin) == ({"version": 3}, {"by": "ann"})
    assert find_record(store, REF) == need_record(store, REF) == record


def test_a_repeat_returns_the_record_without_working() -> None:
    """A finished stage does not run again."""
    store = MemoryStore()
    record = _perform(store, lambda _: GOOD)
    assert _perform(store, _never) == record
    assert ledger.length(store, "delay") == 1


def test_an_unfinished_stage_has_no_record() -> None:
    """`find_record` returns None; `need_record` raises."""
    store = MemoryStore()
    assert find_record(store, REF) is None
    assert find_failure(store, REF) is None
    with pytest.raises(NotFound, match="gate of delay request-000001 has not finished"):
        need_record(store, REF)


def test_a_failure_is_stored_beside_its_attempt() -> None:
    """The newest attempt's error, whether it is transient, and an unexpected one's traceback."""
    store = MemoryStore()
    with pytest.raises(BadBatch):
        _perform(store, _raising(BadBatch("empty")))
    assert find_failure(store, REF) == {
        "error": "empty",
        "kind": "BadBatch",
        "permanent": True,
        "traceback": "",
    }
    with pytest.raises(ZeroDivisionError):
        _perform(store, _raising(ZeroDivisionError("oh")))
    failure = find_failure(store, REF)
    assert failure is not None
    assert (failure["kind"], failure["permanent"]) == ("ZeroDivisionError", False)
    assert "Traceback" in failure["traceback"]
    assert ledger.length(store, "delay") == 0


def _raising(error: Exception) -> Callable[[Attempt], Verdict]:
    def work(attempt: Attempt) -> Verdict:
        del attempt
        raise error

    return work


def test_a_retry_after_a_failure_finishes() -> None:
    """The second attempt's number is in the record."""
    store = MemoryStore()
    with pytest.raises(StoreUnavailable):
        _perform(store, _raising(StoreUnavailable("away")))
    assert _perform(store, lambda _: GOOD).attempt == 2
    assert find_failure(store, REF) is None


def test_a_store_that_goes_away_does_not_hide_the_error() -> None:
    """The stage's own error is raised, though it cannot be stored."""

    class Going(MemoryStore):
        gone = False

        def create(self, key: str, data: bytes) -> bool:
            if self.gone:
                raise StoreUnavailable("away")
            return super().create(key, data)

    store = Going()

    def work(attempt: Attempt) -> Verdict:
        del attempt
        store.gone = True
        raise BadBatch("empty")

    with pytest.raises(BadBatch):
        _perform(store, work)


def test_an_attempt_that_another_overtook_is_refused() -> None:
    """A late attempt whose successor has finished commits and records nothing."""
    store = MemoryStore()
    began, finished = threading.Event(), threading.Event()
    committed: list[int] = []

    def commit(attempt: Attempt) -> Verdict:
        attempt.check()
        committed.append(attempt.number)
        return Verdict("promote", f"Attempt {attempt.number}.")

    def slow(attempt: Attempt) -> Verdict:
        began.set()
        assert finished.wait(60)
        return commit(attempt)

    def overtake() -> RunRecord:
        assert began.wait(60)
        try:
            return _perform(store, commit)
        finally:
            finished.set()

    first, second = race([partial(_perform, store, slow), overtake])
    assert isinstance(first, Superseded)
    assert isinstance(second, RunRecord)
    assert committed == [second.attempt] == [2]
    assert need_record(store, REF) == second
    assert ledger.length(store, "delay") == 1


def test_an_attempt_overtaken_at_its_very_end_records_nothing() -> None:
    """The check at the end of an attempt is made for it."""
    store = MemoryStore()

    def work(attempt: Attempt) -> Verdict:
        store.create(f"{REF.folder}/attempt-{attempt.number + 1:04d}.json", b"{}")
        return GOOD

    with pytest.raises(Superseded, match="attempt 2 has begun since"):
        _perform(store, work)
    assert find_record(store, REF) is None


def test_an_attempt_that_began_while_another_finished_returns_its_record() -> None:
    """The newer attempt commits nothing on top of a finished one."""
    store = MemoryStore()
    first: list[RunRecord] = []

    def late(attempt: Attempt) -> Verdict:
        record = RunRecord(REF, 1, GOOD, {}, {}, "then", "now")
        first.append(record)
        store.create(REF.key, encode(record.to_json()))
        attempt.check()
        return Verdict("refuse", "Never recorded.")

    store.create(f"{REF.folder}/attempt-0001.json", b"{}")
    assert _perform(store, late) == first[0]
    assert ledger.length(store, "delay") == 1


def test_racing_runs_agree_on_one_record(tmp_path: Path) -> None:
    """All that are not refused return the same record, and it is in the ledger once."""
    store = open_store(str(tmp_path))
    results = race([partial(_perform, store, lambda _: GOOD)] * 6)
    record = need_record(store, REF)
    assert all(result == record or isinstance(result, Superseded) for result in results)
    assert any(result == record for result in results)
    _perform(store, _never)
    assert ledger.length(store, "delay") == 1


def test_a_kill_between_record_and_ledger_is_made_good() -> None:
    """The next run enters what the killed one did not, once."""
    store = MemoryStore()
    _perform(store, lambda _: GOOD)
    entered, marker = "ledger/delay/00000001.json", f"{REF.folder}/entered.json"
    for lost in ([entered, marker], [marker]):
        for key in lost:
            store.delete(key)
        _perform(store, _never)
        assert [entry.key for entry in store.list("ledger")] == [entered]
        assert store.exists(marker)
    assert ledger.verify(store, "delay") == []


def test_an_attempt_without_the_ledgers_length_is_looked_for_in_all_of_it() -> None:
    """Attempts of earlier releases lack it; their record is in the ledger once all the same."""
    store = MemoryStore()
    _perform(store, lambda _: GOOD)
    attempt = f"{REF.folder}/attempt-0001.json"
    begun = read_json(store, attempt)
    del begun["ledger_length"]
    store.write(attempt, encode(begun))
    store.delete(f"{REF.folder}/entered.json")
    _perform(store, _never)
    assert ledger.length(store, "delay") == 1


def test_the_ledger_tells_what_was_decided() -> None:
    """The fact has the verdict without evidence, its origin, and the record's hash."""
    store = MemoryStore()
    _perform(store, lambda _: GOOD)
    fact = read_json(store, "ledger/delay/00000001.json")["fact"]
    assert (fact["stage"], fact["run"], fact["action"]) == ("gate", "request-000001", "promote")
    assert (fact["numbers"], fact["origin"]) == (GOOD.numbers, {"by": "ann"})
    assert fact["record"] == REF.key


def test_entering_reads_only_the_chain_since_the_first_attempt() -> None:
    """A long ledger does not slow a stage down."""
    reads: list[str] = []

    class Counting(MemoryStore):
        def read(self, key: str) -> bytes:
            reads.append(key)
            return super().read(key)

    store = Counting()
    for number in range(50):
        ledger.enter(store, "delay", {"name": number})
    reads.clear()
    _perform(store, lambda _: GOOD)
    assert [key for key in reads if key.startswith("ledger/")] == ["ledger/delay/00000050.json"]


def test_inputs_that_are_no_json_fail_before_the_work() -> None:
    """No work is done that could not be recorded."""
    with pytest.raises(TypeError):
        perform(RunContext(MemoryStore(), {}), REF, _never, inputs={"at": object()})


def test_a_verdict_too_large_to_travel_is_not_recorded() -> None:
    """Large values belong into an object of the store."""
    store = MemoryStore()
    with pytest.raises(Permanent, match="too large to travel"):
        _perform(store, lambda _: Verdict("promote", "x" * 9000))
    assert find_record(store, REF) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_verdict_compares_finite_numbers(value: float) -> None:
    """A verdict has no NaN and no infinity."""
    with pytest.raises(NotComputable, match="has no auc"):
        Verdict("promote", "Better.", {"auc": value})


def _perform_in_process(root: str) -> str:
    try:
        return str(_perform(open_store(root), lambda attempt: Verdict("ok", str(attempt.number))))
    except SlipwayError as error:
        return type(error).__name__


def test_racing_processes_agree_on_one_record(tmp_path: Path) -> None:
    """Processes exclude one another like threads."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        results = pool.map(_perform_in_process, [str(tmp_path)] * 6, chunksize=1)
    record = str(need_record(open_store(str(tmp_path)), REF))
    assert record in results
    assert set(results) <= {record, "Superseded"}
    assert ledger.length(open_store(str(tmp_path)), "delay") == 1
