"""Strange keys of a bucket: each is reported, and the rest is taken."""

from __future__ import annotations

import boto3
import pytest

from slipway.adapters.object_store import ObjectStore, open_store
from slipway.records.landing_area import list_deliveries, list_undeliverable, list_unknown_datasets


@pytest.fixture
def bucket(s3_store: str) -> ObjectStore:
    """A store on S3, with two sound deliveries."""
    store = open_store(s3_store)
    for name in ("a", "z"):
        store.write(f"landing/flights/features/{name}.csv", b"rows")
    return store


def put(store: ObjectStore, name: str) -> None:
    """Write an object whose key obstore would refuse."""
    bucket, _, home = store.root.removeprefix("s3://").partition("/")
    key = f"{home}/landing/flights/features/{name}"
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"1")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("b\tb.csv", "landing/flights/features/b\\tb.csv"),
        ("b\x7fb.csv", "landing/flights/features/b\\x7fb.csv"),
        ("b//c.csv", "landing/flights/features/b//c.csv"),
        ("b/../c.csv", "landing/flights/features/b/../c.csv"),
    ],
)
def test_a_strange_key_is_reported_and_the_rest_is_taken(
    bucket: ObjectStore, name: str, shown: str
) -> None:
    """The others keep the tags that a plain listing gives."""
    before = list_deliveries(bucket, "flights")
    put(bucket, name)
    assert list_deliveries(bucket, "flights") == before
    (found,) = list_undeliverable(bucket, "flights")
    assert found.key == shown
    assert str(found).isprintable()
    assert found.hint == "rename it"
    assert list_unknown_datasets(bucket, {"flights"}) == []
