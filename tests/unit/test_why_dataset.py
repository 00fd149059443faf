"""`slipway why` of a dataset: what became of its newest deliveries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipway.errors import SpecError
from slipway.records.attempts import Attempt
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store, encode
from slipway.records.verdicts import Verdict
from slipway.stages.report.why_dataset import DELIVER_AGAIN, SHOWN, format_deliveries, why_dataset
from slipway.wiring import Container
from tests.fakes.memory_store import MemoryStore
from tests.support.command_line import slipway
from tests.support.ingest_env import IngestEnv, features_csv

COMMA = {
    "column": "price",
    "reason": "has a comma where a decimal point is expected",
    "count": 1200,
    "shape": "9,9",
    "hint": "set `csv.decimal`",
}
REPEATED = {"column": "id", "reason": "is repeated", "count": 1, "shape": None, "hint": None}


def ingested(
    store: Store, run: str, verdict: Verdict, reasons: list[dict[str, Any]] | None = None
) -> None:
    """Record an ingest as its stage does, with the reasons beside the record."""
    ref = RunRef("shop", run, "ingest")

    def work(_: Attempt) -> Verdict:
        if reasons is None:
            return verdict
        store.write(f"{ref.folder}/reasons.json", encode(reasons))
        kept = {**verdict.evidence, "reasons": store.uri(f"{ref.folder}/reasons.json")}
        return Verdict(verdict.action, verdict.reason, verdict.numbers, kept)

    perform(RunContext(store, {}), ref, work, inputs={})


def fine(number: int = 0) -> Verdict:
    """A verdict without trouble."""
    return Verdict("ingested", f"All rows of {number} are in.", {"quarantined": 0})


BLOCKED = Verdict(
    "blocked",
    "features b may not enter the table: 1200 of 1201 rows are bad.",
    {"quarantined": 1201},
    {"quarantine": "s3://b/q.parquet", "blocked": "s3://b/q.csv", "delivery": "s3://b/x.csv"},
)


def test_a_blocked_delivery_comes_first_with_reasons_and_places() -> None:
    """Reason in full, each common reason with count, shape and hint, and where the rows are."""
    store = MemoryStore()
    ingested(store, "features-a-01", fine())
    ingested(store, "features-b-02", BLOCKED, [COMMA, REPEATED])
    ingested(store, "features-c-03", fine())
    found = why_dataset("shop", store=store)
    assert [one.run for one in found] == ["features-b-02", "features-c-03", "features-a-01"]
    assert list(found[0].reasons) == [COMMA, REPEATED]
    first, *lines = format_deliveries("shop", found)
    assert first.endswith(f"UTC, blocked (features-b-02): {BLOCKED.reason}")
    assert lines[:6] == [
        "  1,200 rows: price has a comma where a decimal point is expected, such as 9,9",
        "    hint: set `csv.decimal`",
        "  1 row: id is repeated",
        "  quarantine: s3://b/q.parquet",
        "  blocked: s3://b/q.csv",
        f"  reasons: {store.uri('runs/shop/features-b-02/ingest/reasons.json')}",
    ]
    assert lines[6] == f"  {DELIVER_AGAIN}"
    assert len(lines) == 9


def test_reasons_of_a_blocked_file_are_those_of_its_ingest() -> None:
    """Case 15: column, number, shape of an example, and the setting that would accept the rows."""
    env = IngestEnv()
    env.deliver("features/b1.csv", features_csv(1, miles=("1,5", "2,5", "?")))
    (blocked,) = why_dataset("flights", store=env.store)
    assert blocked.action == "blocked"
    told = "\n".join(format_deliveries("flights", [blocked]))
    assert "  2 rows: miles has a comma where a decimal point is expected, such as 9,9\n" in told
    assert 'hint: set `csv: {decimal: ","}`' in told
    assert "  1 row: miles looks like a mark for a missing value, such as ?\n" in told
    assert "quarantine/flights/features/b1/r0001.parquet" in told
    assert "1,5" not in told


def test_three_reasons_are_told_in_words_and_the_others_counted() -> None:
    """All of them are in the verdict."""
    store = MemoryStore()
    bad = Verdict("ingested", "Some are bad.", {"quarantined": 5})
    ingested(store, "features-a-01", bad, [REPEATED] * 5)
    (one,) = why_dataset("shop", store=store)
    assert len(one.reasons) == 5
    assert "  and 2 further reasons" in format_deliveries("shop", [one])


def test_a_batch_has_its_newest_verdict_alone() -> None:
    """A corrected delivery takes the place of the blocked one; a duplicate of no other."""
    store = MemoryStore()
    ingested(store, "features-a-01", BLOCKED, [COMMA])
    ingested(store, "features-a-02", fine())
    ingested(store, "features-b-01", BLOCKED, [COMMA])
    ingested(store, "features-b-02", Verdict("duplicate", "Again.", {"revision": 1}))
    runs = [one.run for one in why_dataset("shop", store=store)]
    assert runs == ["features-b-01", "features-b-02", "features-a-02"]


def test_a_delivery_without_a_verdict_is_told_too() -> None:
    """Its newest attempt failed; a text that is not Slipway's own may quote a value."""
    store = MemoryStore()

    def fail(error: Exception) -> Any:
        def work(_: Attempt) -> Verdict:
            raise error

        return work

    for run, error in (
        ("features-a-01", SpecError("no", hint="mend it")),
        ("labels-a-02", KeyError("7")),
    ):
        with pytest.raises(type(error)):
            perform(RunContext(store, {}), RunRef("shop", run, "ingest"), fail(error), inputs={})
    found = {one.run: one for one in why_dataset("shop", store=store)}
    assert found["features-a-01"].reason == "no\n  hint: mend it"
    assert found["labels-a-02"].reason.startswith("KeyError; its traceback is in ")
    assert {one.action for one in found.values()} == {"failed"}
    ingested(store, "features-a-01", fine())
    assert [one.action for one in why_dataset("shop", store=store)] == ["failed", "ingested"]


def test_no_more_than_the_newest_are_told() -> None:
    """Trouble is not crowded out by later deliveries."""
    store = MemoryStore()
    ingested(store, "features-a-01", BLOCKED)
    for number in range(SHOWN + 5):
        ingested(store, f"features-{number}-02", fine(number))
    found = why_dataset("shop", store=store)
    assert len(found) == SHOWN
    assert found[0].action == "blocked"


def test_why_of_a_dataset_on_the_command_line(container: Container) -> None:
    """In words and as JSON; without deliveries it says so."""
    assert slipway("why", "shop").output == "shop: no delivery was ingested yet.\n"
    ingested(container.store, "features-b-02", BLOCKED, [COMMA])
    assert "1,200 rows: price has a comma" in slipway("why", "shop").output
    found = json.loads(slipway("why", "shop", "--json").output)
    (one,) = found["deliveries"]
    assert (found["dataset"], one["action"], one["reasons"]) == ("shop", "blocked", [COMMA])
    assert one["kept"]["quarantine"] == "s3://b/q.parquet"


def test_what_cannot_be_a_delivery_is_told_with_the_deliveries(container: Container) -> None:
    """Also of a dataset that no model uses."""
    container.store.write("landing/shop/feature/2024-01.csv", b"id")
    told = slipway("why", "shop").output.splitlines()[-1]
    assert told.startswith("cannot be a delivery: landing/shop/feature/2024-01.csv ")
    found = json.loads(slipway("why", "shop", "--json").output)
    assert (found["deliveries"], len(found["undeliverable"])) == ([], 1)


def test_why_of_nobody_names_models_and_datasets(container: Container) -> None:
    """With the nearest of both."""
    del container
    for name, close in (("shp", "shop"), ("sails", "sales")):
        result = slipway("why", name)
        assert result.exit_code == 1
        assert f"there is no model or dataset {name!r}" in result.stderr
        assert "expected: one of sales, shop" in result.stderr
        assert f"did you mean {close!r}?" in result.stderr
