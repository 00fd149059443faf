"""Ingestion of random deliveries: a verdict for each, and never an error of a tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tests.support.ingest_env import IngestEnv, dataset_spec
from tests.support.random_deliveries import random_delivery

COLUMNS = {
    "id": {"type": "string", "nullable": False},
    "at": {"type": "timestamp", "nullable": False},
    "miles": {"type": "number"},
    "seats": {"type": "integer"},
    "ok": {"type": "boolean"},
    "note": {"type": "string"},
}
SPEC = dataset_spec(
    streams={
        "features": {"columns": COLUMNS, "quarantine_max_share": 0.5},
        "labels": {"columns": {"id": {"type": "string"}, "late": {"type": "integer"}}},
    }
)
TOOLS = ("arrow", "pandas", "numpy", "Traceback", "zlib", "codec", "Exception", "Error:")


def ingest_random(seeds: Iterable[int]) -> Counter[str]:
    """Ingest a random delivery for each seed; return how many had each verdict."""
    verdicts: Counter[str] = Counter()
    for seed in seeds:
        env = IngestEnv(SPEC)
        suffix, data = random_delivery(seed)
        verdict = env.deliver(f"features/b{suffix}", data)
        verdicts[verdict.action] += 1
        assert not [tool for tool in TOOLS if tool in verdict.reason], (seed, verdict.reason)
        if verdict.action == "ingested":
            numbers = verdict.numbers
            stored = len(env.tables.read("flights/features"))
            assert stored + int(numbers["quarantined"] or 0) == numbers["rows"], seed
        else:
            assert verdict.action == "blocked", (seed, verdict)
            assert verdict.evidence["blocked"], seed
    return verdicts
