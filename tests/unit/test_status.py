"""Status of a model, also during outages."""

from __future__ import annotations

import json

import pytest

from slipway.records import requests
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from slipway.spec.retraining import Retraining
from slipway.stages.report.status import OpenRequest, status
from slipway.stages.report.version_engine import VersionEngine
from tests.fakes.fixed_status import FixedPlatform, FixedRegistry
from tests.fakes.memory_store import MemoryStore
from tests.support.promotions import promoted


@pytest.fixture
def memory() -> MemoryStore:
    """An empty store."""
    return MemoryStore()


def decided(store: Store, stage: str, run: str, verdict: Verdict) -> None:
    """Record a verdict of the model `sales`."""
    perform(RunContext(store, {}), RunRef("sales", run, stage), lambda _: verdict, inputs={})


def asked(store: Store, kind: requests.Kind) -> requests.Request:
    """File a request for the model `sales`."""
    return requests.file_request(
        store, "sales", kind=kind, reason=f"by {kind}", at="2013-05-01", by="me", unique=kind
    )


def test_new_model_has_nothing(memory: MemoryStore) -> None:
    """There is no version, no request and no verdict."""
    found = status("sales", store=memory, registry=FixedRegistry(), platform=FixedPlatform())
    assert set(found.aliases.values()) == {None}
    assert (found.weights, found.requests, found.verdicts, found.unknown) == ({}, (), (), ())


def test_status_is_complete(memory: MemoryStore) -> None:
    """Aliases, traffic, open requests and the newest verdict of each stage."""
    decided(memory, "gate", "request-000001", Verdict("refuse", "worse"))
    decided(memory, "gate", "request-000002", Verdict("promote", "better"))
    first = asked(memory, "decay")
    requests.decide(memory, first, action="accept", reason="why not", numbers={})
    asked(memory, "person")
    found = status(
        "sales",
        store=memory,
        registry=FixedRegistry({"champion": 2, "previous": 1}),
        platform=FixedPlatform({2: 1.0}),
    )
    assert found.aliases == {"champion": 2, "challenger": None, "previous": 1}
    assert (found.weights, found.failing) == ({2: 1.0}, ())
    assert found.requests == (
        OpenRequest(1, "decay", "by decay", "accepted"),
        OpenRequest(2, "person", "by person", "waiting"),
    )
    assert [(one.stage, one.action, one.run) for one in found.verdicts] == [
        ("gate", "promote", "request-000002")
    ]
    assert json.loads(json.dumps(found.to_json()))["aliases"]["champion"] == 2


def test_the_engine_of_each_version(memory: MemoryStore) -> None:
    """Its name, reason and difference to the pipeline; older versions use their pipelines."""
    tags = {
        "slipway.engine": "onnx",
        "slipway.engine_reason": "the scores agree",
        "slipway.parity_max_difference": "6.2e-08",
        "slipway.parity_rows": "16025",
    }
    found = status(
        "sales",
        store=memory,
        registry=FixedRegistry({"champion": 2, "previous": 1}, tags={2: tags}),
        platform=FixedPlatform({2: 1.0}),
    )
    assert found.engines == {
        1: VersionEngine("sklearn", None, None, None),
        2: VersionEngine("onnx", "the scores agree", 6.2e-8, 16_025),
    }
    assert found.engines[2].shown == "onnx (parity 6.2e-08): the scores agree"
    assert found.engines[1].shown == "sklearn: no reason is recorded"
    assert json.loads(json.dumps(found.to_json()))["engines"]["2"]["parity_rows"] == 16_025


def test_the_source_of_an_imported_version(memory: MemoryStore) -> None:
    """A version that was trained here has none."""
    tags = {"slipway.source.registry": "https://mlflow.example.org", "slipway.source.version": "7"}
    found = status(
        "sales",
        store=memory,
        registry=FixedRegistry({"champion": 2, "previous": 1}, tags={2: tags}),
        platform=FixedPlatform({2: 1.0}),
    )
    assert found.sources == {2: "version 7 of https://mlflow.example.org"}


def test_what_cannot_be_a_delivery_is_in_the_status(memory: MemoryStore) -> None:
    """Case 26: a file of a format that is not read is named with what would help."""
    memory.write("landing/shop/features/2013-01.xlsx", b"PK")
    memory.write("landing/shop/features/2013-01.csv", b"id\n1\n")
    found = status(
        "sales",
        store=memory,
        registry=FixedRegistry(),
        platform=FixedPlatform(),
        dataset="shop",
    )
    (left,) = found.undeliverable
    assert left.startswith("landing/shop/features/2013-01.xlsx is of no format that is read; save")


def test_a_manual_edit_is_in_the_status(memory: MemoryStore) -> None:
    """Status reports changes that no rollout made."""
    platform = FixedPlatform({2: 1.0}, edited="weights set by kubectl-edit")
    found = status("sales", store=memory, registry=FixedRegistry(), platform=platform)
    assert found.edited == "weights set by kubectl-edit"
    assert found.to_json()["edited"] == found.edited


def test_a_lost_version_is_in_the_status(memory: MemoryStore) -> None:
    """Case 4: the ledger's champion that the registry no longer names, with the way out."""
    promoted(memory, "sales", 3)
    found = status(
        "sales",
        store=memory,
        registry=FixedRegistry({"previous": 2}),
        platform=FixedPlatform({3: 1.0}),
    )
    assert [(loss.alias, loss.version) for loss in found.lost] == [("champion", 3)]
    assert found.to_json()["lost"][0]["way_out"].startswith("run sales__deploy with `to` set to 3")


def test_an_edited_tag_is_no_number(memory: MemoryStore) -> None:
    """A hand may have put anything into a version's tags."""
    tags = {"slipway.parity_max_difference": "small", "slipway.parity_rows": "many"}
    registry = FixedRegistry({"champion": 2}, tags={2: tags})
    found = status("sales", store=memory, registry=registry, platform=FixedPlatform())
    assert found.engines == {2: VersionEngine("sklearn", None, None, None)}


def test_an_outage_hides_nothing_else(memory: MemoryStore) -> None:
    """With registry and platform down, the store's part is complete, and both are named."""
    decided(memory, "gate", "request-000001", Verdict("refuse", "worse"))
    found = status(
        "sales",
        store=memory,
        registry=FixedRegistry(answers=False),
        platform=FixedPlatform(answers=False),
    )
    assert found.unknown == ("MLflow does not answer", "the platform does not answer")
    assert (found.aliases, found.weights) == ({}, None)
    assert len(found.verdicts) == 1


def test_status_tells_what_a_request_waits_for(memory: MemoryStore) -> None:
    """The person, with the command, or the rule that is against it."""
    request = asked(memory, "drift")

    def waits() -> str | None:
        return status(
            "sales",
            store=memory,
            registry=FixedRegistry(),
            platform=FixedPlatform(),
            policy=Retraining(mode="approve"),
        ).retraining

    assert waits() == (
        "request 1 (drift) waits for a person's yes (`slipway approve sales 1`): by drift"
    )
    requests.decide(memory, request, action="suppress", reason="The cool-down lasts.")
    assert waits() == "request 1 (drift) was suppressed: The cool-down lasts."
