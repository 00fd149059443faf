"""Files as people deliver them."""

from __future__ import annotations

from typing import Any

from slipway.records.verdicts import Verdict
from tests.support.ingest_env import IngestEnv, dataset_spec

HEADER = "id,at,miles\n"


ROW = "a,2013-05-01T12:00:00Z,1.5\n"


def delivered(data: bytes | str, *, name: str = "x.csv", **csv: Any) -> tuple[Verdict, IngestEnv]:
    """Verdict on one delivery of features, in a dialect."""
    env = IngestEnv(spec=dataset_spec(expectations={}, csv=csv))
    raw = data if isinstance(data, bytes) else data.encode()
    return env.deliver(f"features/{name}", raw), env
