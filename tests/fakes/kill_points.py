"""Kill points: a process is killed after a number of its writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from slipway.records.attempts import Attempt
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables


class Killed(BaseException):
    """Stands for SIGKILL: a `BaseException`, so that no error handler catches it."""


class KillPoint:
    """A counter of writes that raises `Killed` at one of them.

    Args:
        writes: Number of writes that succeed; None: all.
    """

    def __init__(self, writes: int | None = None) -> None:
        self.writes = writes
        self.seen = 0

    def count_write(self) -> None:
        """Count a write that is about to happen."""
        if self.writes is not None and self.seen >= self.writes:
            raise Killed
        self.seen += 1


class KillableStore(MemoryStore):
    """A store whose writes count at `kill_point`."""

    def __init__(self) -> None:
        super().__init__()
        self.kill_point = KillPoint()

    def write(self, key: str, data: bytes) -> None:
        """Replace one object, unless killed before."""
        self.kill_point.count_write()
        super().write(key, data)

    def delete(self, key: str) -> None:
        """Remove one object, unless killed before."""
        self.kill_point.count_write()
        super().delete(key)


class KillableTables(MemoryTables):
    """Tables whose writes count at the kill point of a store."""

    def __init__(self, store: KillableStore) -> None:
        super().__init__()
        self._store = store

    def publish(
        self,
        table: str,
        rows: Iterable[pd.DataFrame],
        *,
        batch: str,
        writer: str,
        attempt: Attempt,
        note: Mapping[str, str],
        delivery: int | None = None,
    ) -> int:
        """Replace a batch's rows, unless killed before."""
        self._store.kill_point.count_write()
        return super().publish(
            table,
            rows,
            batch=batch,
            writer=writer,
            attempt=attempt,
            note=note,
            delivery=delivery,
        )


class KillableProxy:
    """A proxy whose writing methods count at a kill point.

    Args:
        real: The wrapped object.
        kill_point: Counts the writes.
        writes: Names of the methods that write.
    """

    def __init__(self, real: Any, kill_point: KillPoint, *, writes: frozenset[str]) -> None:
        self._real = real
        self._fuse = kill_point
        self._writes = writes

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name not in self._writes:
            return found

        def write(*given: Any, **named: Any) -> Any:
            self._fuse.count_write()
            return found(*given, **named)

        return write


REGISTRY_WRITES = frozenset({"set_alias", "delete_alias", "tag", "anchor"})
"""Methods by which a rollout changes the registry."""


def count_writes(env: Any, store: KillableStore) -> KillPoint:
    """Count what an environment writes to its store and registry; return what may kill it.

    Args:
        env: Environment of rollouts on fakes.
        store: Its store.
    """
    kill_point = KillPoint()
    store.kill_point = kill_point
    env.registry = KillableProxy(env.registry, kill_point, writes=REGISTRY_WRITES)
    return kill_point
