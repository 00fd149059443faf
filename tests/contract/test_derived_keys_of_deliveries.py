"""Deliveries of each kind of key and event time: again, in every format, and of equal rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.support.identity_kinds import BATCHES, KINDS, Kind, crossings
from tests.support.identity_ring import Ring, parquet


@pytest.fixture(params=sorted(KINDS))
def ring(request: pytest.FixtureRequest, tmp_path: Path) -> Ring:
    """A dataset of each kind."""
    return Ring(KINDS[request.param], tmp_path)


def test_a_batch_that_comes_again_keeps_keys_and_moments(ring: Ring) -> None:
    """Unchanged it is a duplicate; a corrected row of it is the same row at the same time."""
    delivered = ring.deliver_all()
    columns = [*ring.dataset.identity.derived("features"), "email", "port"]
    first = ring.tables.read("ferries/features", columns=columns)
    again = delivered.head(len(delivered) // BATCHES).copy()
    ring.land("features", "b0", again if ring.kind.in_one_file else again.drop(columns="late"))
    corrected = again.assign(late=1 - again["late"])
    ring.deliver(corrected, "b0")
    second = ring.tables.read("ferries/features", columns=columns)
    pd.testing.assert_frame_equal(
        first.sort_values("email", ignore_index=True),
        second.sort_values("email", ignore_index=True),
    )
    labelled = ring.labelled().set_index("email")["late"]
    assert labelled[corrected["email"]].tolist() == corrected["late"].tolist()
    assert len(labelled) == len(delivered)


@pytest.mark.parametrize("file", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", ["columns in one file", "row", "row and arrival"])
def test_a_row_has_one_key_in_every_format(tmp_path: Path, name: str, file: str) -> None:
    """As a request that spells the values in other datatypes has it."""
    kind = KINDS[name]
    ring = Ring(Kind(kind.key, kind.event_time, in_one_file=True, file=file), tmp_path)
    ring.deliver_all()
    stored = ring.tables.read("ferries/features").set_index("email")["_key"]
    reference = Ring(kind, tmp_path / "reference")
    reference.deliver_all()
    known = reference.tables.read("ferries/features").set_index("email")["_key"]
    assert stored.sort_index().to_dict() == known.sort_index().to_dict()


def test_equal_rows_are_counted_and_kept(tmp_path: Path) -> None:
    """Each has a key and its own label, however often the file comes; a request is the first."""
    ring = Ring(KINDS["row and arrival"], tmp_path)
    rows = crossings().head(100).reset_index(drop=True)
    several = pd.concat([rows, rows.head(7), rows.head(2)]).assign(
        late=lambda all_: range(len(all_))
    )
    for expected in ("ingested", "duplicate"):
        [verdict] = ring.deliver(several, "b0")
        assert verdict.action == expected, verdict.reason
        ring.store.write("landing/ferries/features/b0.parquet", parquet(several) + b"")
    stored = ring.tables.read("ferries/features")
    assert stored["_key"].is_unique
    assert len(stored) == len(several)
    record = ring.labelled()
    assert sorted(record["late"]) == list(range(len(several)))
    of_first = stored[stored["late"].isin([0, 100, 107])].sort_values("late")["_key"].tolist()
    assert of_first[1:] == [f"{of_first[0]}-2", f"{of_first[0]}-3"]
