"""Callables that start at the same moment in threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def race(racers: Sequence[Callable[[], Result]]) -> list[Result | Exception]:
    """Result or exception of each racer, in the racers' order."""
    start = threading.Barrier(len(racers))

    def run(racer: Callable[[], Result]) -> Result | Exception:
        start.wait()
        try:
            return racer()
        except Exception as error:  # noqa: BLE001 - what a racer raises is its result
            return error

    with ThreadPoolExecutor(len(racers)) as pool:
        return list(pool.map(run, racers))
