"""A key ends with one score, in the partition of its newest event time, after any corrections."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slipway.spec import ModelSpec
from tests.support.batch_scoring_env import BatchScoringEnv
from tests.support.delivery_history import at
from tests.support.ingest_env import dataset_spec

HISTORIES = 25

DAYS = {"target": "batch", "batch": {"partition": "day", "chunk_rows": 2}}
SCORED = ModelSpec.model_validate(
    {
        "model": "far",
        "dataset": "flights",
        "task": "regression",
        "target": "late",
        "features": {"numeric": ["miles"]},
        "estimator": {"name": "sklearn.linear_model.Ridge"},
        "gates": {"metrics": {"mean_absolute_error": {}}},
        "monitoring": {"performance": {"metric": "mean_absolute_error", "max_absolute_drop": 1}},
        "deployment": DAYS,
    }
)
Batch = tuple[str, dict[str, tuple[int, int]]]
"""Name, and day and miles by key."""

BATCHES: st.SearchStrategy[Batch] = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.dictionaries(
        st.sampled_from(["k1", "k2", "k3", "k4"]),
        st.tuples(st.integers(0, 3), st.integers(1, 9)),
        min_size=1,
    ),
)


class Corrected:
    """A batch model whose features are corrected, and the score that each key should have."""

    def __init__(self, folder: Path) -> None:
        self.env = BatchScoringEnv(folder, SCORED, dataset_spec(expectations={}), column="miles")
        self.env.crown(1, trained_until="2012-12-31T00:00:00+00:00")
        self.revisions: dict[str, int] = {}
        self.live: dict[str, dict[str, tuple[int, int]]] = {}

    def deliver(self, batch: Batch) -> None:
        """Publish a batch, or a revision of it, as the last delivery."""
        name, rows = batch
        self.revisions[name] = self.revisions.get(name, 0) + 1
        frame = pd.DataFrame(
            {
                "id": list(rows),
                "at": [pd.Timestamp(at(day)) for day, _ in rows.values()],
                "miles": [float(miles) for _, miles in rows.values()],
                "port": "x",
            }
        )
        self.env.publish(frame, batch=name, revision=self.revisions[name])
        self.live.pop(name, None)
        self.live[name] = rows

    @property
    def expected(self) -> dict[str, tuple[int, float]]:
        """Day and score of each key, by its last delivery."""
        newest: dict[str, tuple[int, int]] = {}
        for rows in self.live.values():
            newest |= rows
        return {key: (day, float(miles)) for key, (day, miles) in newest.items()}

    @property
    def scored(self) -> list[tuple[str, tuple[int, float]]]:
        """Key, day and score of each row of the score table."""
        rows = self.env.scores.read(SCORED.model)
        days = (rows["event_time"] - pd.Timestamp(at(0))).dt.days
        return sorted(zip(rows["key"], zip(days, rows["score"], strict=True), strict=True))


@settings(max_examples=HISTORIES, deadline=None)
@given(st.lists(st.tuples(BATCHES, st.booleans()), min_size=2, max_size=6))
@example([(("a", {"k1": (0, 1), "k2": (0, 1)}), True), (("b", {"k1": (2, 5)}), True)])
@example(
    [
        (("a", {"k1": (0, 1)}), True),
        (("b", {"k1": (2, 5)}), True),
        (("b", {"k2": (2, 5)}), True),
    ]
)
@example(
    [
        (("a", {"k1": (0, 1), "k2": (1, 1)}), True),
        (("b", {"k1": (0, 2)}), True),
        (("c", {"k1": (3, 3)}), False),
        (("a", {"k2": (1, 4)}), True),
        (("c", {"k3": (3, 3)}), True),
    ]
)
def test_a_key_that_moved_has_one_score(history: list[tuple[Batch, bool]]) -> None:
    """Also when sweeps are missed, and when a correction is taken back; a repeat finds nothing."""
    with tempfile.TemporaryDirectory() as folder:
        corrected = Corrected(Path(folder))
        for batch, is_swept in [*history[:-1], (history[-1][0], True)]:
            corrected.deliver(batch)
            if is_swept:
                corrected.env.score_all()
                assert corrected.scored == sorted(corrected.expected.items())
                assert corrected.env.names() == []


def test_a_partition_that_lost_all_its_keys_is_emptied() -> None:
    """And filled again when the correction is taken back."""
    with tempfile.TemporaryDirectory() as folder:
        corrected = Corrected(Path(folder))
        for batch in (
            ("a", {"k1": (0, 1)}),
            ("b", {"k1": (3, 2)}),
            ("b", {"k2": (3, 2)}),
            ("b", {"k1": (3, 2)}),
        ):
            corrected.deliver(batch)
            corrected.env.score_all()
            assert corrected.scored == sorted(corrected.expected.items())
