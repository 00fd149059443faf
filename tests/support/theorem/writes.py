"""Writes of a script's processes: before one of them, its process is killed or stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from slipway.errors import RegistryUnavailable
from tests.fakes.kill_points import Killed

STORE_WRITES = frozenset({"write", "create", "delete", "upload"})
REGISTRY_WRITES = frozenset({"register", "set_alias", "delete_alias", "tag", "anchor"})
TABLE_WRITES = frozenset({"publish"})


@dataclass
class Process:
    """A process that writes.

    Attributes:
        at: Number of the write before which something happens; None: nothing does.
        meanwhile: What happens then; None: the process is killed.
        seen: Number of its writes so far.
    """

    at: int | None = None
    meanwhile: Callable[[], None] | None = None
    seen: int = 0

    def write(self) -> None:
        """Count a write that is about to happen."""
        if self.at is not None and self.seen >= self.at and self.meanwhile is None:
            raise Killed
        self.seen += 1
        if self.at is not None and self.seen == self.at + 1 and self.meanwhile is not None:
            self.meanwhile()


class Writes:
    """Counts the writes of the process that runs, the innermost one that does not stand still.

    Args:
        before_each: Called before each write.
    """

    def __init__(self, before_each: Callable[[], None]) -> None:
        self._running = [Process()]
        self._before_each = before_each

    @contextmanager
    def by(self, process: Process) -> Iterator[None]:
        """Count the writes inside as those of a process."""
        self._running.append(process)
        try:
            yield
        finally:
            self._running.pop()

    def count(self) -> None:
        """Count a write that is about to happen."""
        self._before_each()
        self._running[-1].write()


class Port:
    """An adapter or fake whose writes are counted, and which can be away.

    Args:
        real: The adapter.
        writes: Counts the writes.
        names: Names of the methods that write.
        is_away: Whether it does not answer.
    """

    def __init__(
        self,
        real: Any,
        writes: Writes,
        *,
        names: frozenset[str],
        is_away: Callable[[], bool] = lambda: False,
    ) -> None:
        self._real = real
        self._writes = writes
        self._names = names
        self._is_away = is_away

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def call(*given: Any, **named: Any) -> Any:
            if name in self._names:
                self._writes.count()
            if self._is_away():
                raise RegistryUnavailable("MLflow does not answer")
            return found(*given, **named)

        return call
