"""The size limit of XCom values."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from slipway import errors
from slipway.orchestration.xcom_limit import (
    XCOM_LIMIT_BYTES,
    LimitedXCom,
    first_that_fit,
    refuse_large,
)


def test_a_small_value_travels_unchanged() -> None:
    """A value below the limit is unchanged."""
    value = {"action": "promote", "numbers": {"roc_auc": 0.7}}
    stored = SimpleNamespace(value=LimitedXCom.serialize_value(value))
    assert LimitedXCom.deserialize_value(stored) == value


def test_a_large_value_is_refused_by_the_backend() -> None:
    """Data travels by URI, whichever task or operator pushes it."""
    with pytest.raises(errors.Permanent, match="task train is too large"):
        LimitedXCom.serialize_value("x" * XCOM_LIMIT_BYTES, key="return_value", task_id="train")


def test_the_limit_counts_bytes() -> None:
    """A value of exactly the limit travels; one byte more does not."""
    refuse_large("x" * (XCOM_LIMIT_BYTES - 2), what="it")
    with pytest.raises(errors.Permanent, match="found: 8193 bytes"):
        refuse_large("x" * (XCOM_LIMIT_BYTES - 1), what="it")


def test_a_long_list_is_cut_at_the_limit_from_its_front() -> None:
    """The rest waits for the next run, in order."""
    items = [{"batch": f"2013-{number:04d}"} for number in range(1000)]
    taken = first_that_fit(items)
    assert 0 < len(taken) < len(items)
    assert taken == items[: len(taken)]
    refuse_large([taken, taken], what="two lists")


def test_a_short_list_is_taken_whole() -> None:
    """A list below the limit is not cut."""
    assert first_that_fit([1, 2, 3]) == [1, 2, 3]
