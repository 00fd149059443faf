"""Random deliveries; `make soak` ingests thousands."""

from __future__ import annotations

from tests.support.random_ingest import ingest_random


def test_every_random_delivery_has_a_verdict() -> None:
    """Its rows are published or in quarantine, or its file is kept; no tool's error leaks."""
    verdicts = ingest_random(range(200))
    assert set(verdicts) == {"ingested", "blocked"}
    assert min(verdicts.values()) > 20
