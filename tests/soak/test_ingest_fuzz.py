"""5,000 random deliveries."""

from __future__ import annotations

import pytest

from tests.support.random_ingest import ingest_random


@pytest.mark.timeout(3600)
def test_five_thousand_random_deliveries() -> None:
    """Each has a verdict, loses no row, and shows no tool's error."""
    verdicts = ingest_random(range(1000, 6000))
    print(f"\n{dict(verdicts)}")
    assert sum(verdicts.values()) == 5000
