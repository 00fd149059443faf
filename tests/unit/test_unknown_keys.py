"""Labels that belong to no row: counted, told why, and told again once their features came."""

from __future__ import annotations

import pandas as pd
import pytest

from slipway.stages.ingest.key_spelling import spelling_hint
from slipway.stages.report.why_dataset import format_deliveries, why_dataset
from tests.support.ingest_env import IngestEnv, features_csv, labels_parquet

STORED = pd.Series([f"{number:05d}" for number in range(1, 400)])


def features_of(*keys: str) -> bytes:
    """Features with some keys."""
    rows = [f"{key},2013-01-01T00:00:00Z,1" for key in keys]
    return "\n".join(["id,at,miles", *rows, ""]).encode()


def labels_of(*keys: str) -> bytes:
    """Labels with some keys."""
    return "\n".join(["id,late", *(f"{key},0" for key in keys), ""]).encode()


def told(env: IngestEnv) -> str:
    """What `slipway why` says of the dataset."""
    found = why_dataset("flights", store=env.store, spec=env.spec, tables=env.tables)
    return "\n".join(format_deliveries("flights", found))


@pytest.mark.parametrize(
    ("stored", "delivered", "difference"),
    [
        (STORED, STORED.str.lstrip("0"), "zeros in front"),
        (STORED.str.lstrip("0"), STORED, "zeros in front"),
        ("ab-" + STORED, "AB-" + STORED, "upper and lower case"),
        (STORED, STORED + " ", "blanks around them"),
        (STORED, STORED + ".0", "`.0` at the end"),
        ("\u00e9" + STORED, "e\u0301" + STORED, "their Unicode form"),
        ("AB-" + STORED, "ab " + STORED, "zeros in front, case, blanks and marks"),
    ],
    ids=["lost-zeros", "added-zeros", "case", "blanks", "float", "unicode", "marks"],
)
def test_keys_that_differ_only_in_spelling_are_told_so(
    stored: pd.Series, delivered: pd.Series, difference: str
) -> None:
    """With the shape of a key of both streams, and no key."""
    hint = spelling_hint(delivered, stored)
    assert hint is not None
    assert f"in all but {difference}:" in hint
    assert "00123" not in hint


def test_keys_of_another_kind_show_their_shapes() -> None:
    """Where no spelling matches, shapes that differ are named; equal ones are early labels."""
    hint = spelling_hint("order-" + STORED, STORED)
    assert hint is not None
    assert "such as 99999, those of these labels such as aaaaa-99999" in hint
    assert spelling_hint(STORED, "9" + STORED.str[1:]) is None


def test_labels_that_lost_their_zeros_are_told_in_verdict_and_why() -> None:
    """They are taken, and `slipway why` puts them first."""
    env = IngestEnv()
    env.deliver("features/b1.csv", features_of("00123", "00124", "00125"))
    verdict = env.deliver("labels/b1.csv", labels_of("123", "124", "125"))
    assert verdict.numbers["unknown_keys"] == 3
    assert "3 labels belong to no row that was known at their delivery; hint: " in verdict.reason
    assert "in all but zeros in front" in verdict.reason
    assert "such as 99999, those of these labels such as 999;" in verdict.reason
    env.deliver("features/b2.csv", features_csv(2))
    first, second, *_ = told(env).splitlines()
    assert "ingested (labels-b1" in first
    assert second.startswith("  by now, none of 3 labels belong to a known row; hint: ")


def test_early_labels_are_known_once_their_features_came() -> None:
    """`slipway why` compares with the present features; the verdict speaks of the delivery."""
    env = IngestEnv()
    verdict = env.deliver("labels/b1.parquet", labels_parquet(1))
    assert "hint" not in verdict.reason
    assert "  by now, none of 3 labels belong to a known row" in told(env)
    env.deliver("features/b1.csv", features_csv(1))
    assert "  by now, 3 of 3 labels belong to a known row" in told(env)


def test_a_few_unknown_labels_need_no_reason() -> None:
    """The spelling is looked at when nearly all are unknown."""
    env = IngestEnv()
    env.deliver("features/b1.csv", features_of("00123", "00124", "00125"))
    verdict = env.deliver("labels/b1.csv", labels_of("00123", "00124", "125"))
    assert verdict.numbers["unknown_keys"] == 1
    assert "hint" not in verdict.reason
