"""Read the next rows of a delivery in a thread, while those before are cast."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def read_ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """Return the items of an iterator; while one is in use, a thread makes the next one.

    At most one item is ahead. What the iterator raises is raised where the item would be returned.
    Closing this iterator ends the thread, after the item that it is making.

    Args:
        items: Used by the thread alone from now on; None is no item.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as thread:
        ahead = thread.submit(next, items, None)
        while (item := ahead.result()) is not None:
            ahead = thread.submit(next, items, None)
            yield item
