"""Reading ahead: the same rows in the same order, one part early, and no thread left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from slipway.adapters.row_spool import open_spool
from slipway.adapters.sources.csv_file import CsvFile
from slipway.errors import BadBatch
from slipway.settings import DeliveryLimits
from slipway.spec import Column
from slipway.spec.csv import Csv
from slipway.stages.ingest.cast_rows import RowCaster
from slipway.stages.ingest.faults import Faults
from slipway.stages.ingest.read_ahead import read_ahead


class Numbers:
    """Counts up; records how far, and in which threads.

    Args:
        count: Numbers to make.
        fails_at: Number in whose place it raises.
    """

    def __init__(self, count: int, *, fails_at: int | None = None) -> None:
        self.made = 0
        self.threads: set[threading.Thread] = set()
        self._count = count
        self._fails_at = fails_at

    def __iter__(self) -> Iterator[int]:
        """Numbers from 0 on."""
        for number in range(self._count):
            self.threads.add(threading.current_thread())
            if number == self._fails_at:
                raise BadBatch("the file cannot be read")
            self.made += 1
            yield number

    def are_left_alone(self) -> bool:
        """Whether no thread makes numbers any more."""
        return not any(thread.is_alive() for thread in self.threads)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_items_come_in_order(count: int) -> None:
    """All of them, made by a thread that ends with them."""
    numbers = Numbers(count)
    assert list(read_ahead(iter(numbers))) == list(range(count))
    assert threading.current_thread() not in numbers.threads
    assert numbers.are_left_alone()


def test_at_most_one_item_is_ahead() -> None:
    """However long one is used, so memory is bounded."""
    numbers = Numbers(9)
    for number in read_ahead(iter(numbers)):
        assert numbers.made <= number + 2


def test_an_error_is_raised_behind_the_items_before_it() -> None:
    """As without the thread, which ends."""
    numbers = Numbers(5, fails_at=3)
    ahead = read_ahead(iter(numbers))
    assert [next(ahead) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(BadBatch, match="cannot be read"):
        next(ahead)
    assert numbers.are_left_alone()


def test_closing_ends_the_thread() -> None:
    """Though items are left, which nobody makes."""
    numbers = Numbers(9)
    ahead = read_ahead(iter(numbers))
    assert next(ahead) == 0
    ahead.close()
    assert numbers.are_left_alone()
    assert numbers.made <= 2


def test_a_cast_that_fails_leaves_no_thread_behind(tmp_path: Path) -> None:
    """The error is that of the cast, not of the rows that were read ahead."""
    file = tmp_path / "2013-01.csv"
    file.write_text("n\n1\n")
    delivery = CsvFile.open(file, Csv(), delimiter=",", limits=DeliveryLimits())
    caster = RowCaster({"n": Column(type="integer")}, frozenset(), Csv())
    before = set(threading.enumerate())
    with open_spool(tmp_path, {"n": "integer"}) as spool:
        spool.finish()
        with pytest.raises(pa.ArrowException):
            caster.cast_into(spool, delivery, Faults())
    assert set(threading.enumerate()) <= before
