"""Watches: a stream of changes from a version on, until it is over or broken."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

from tests.kubernetes_double.api.changes import Change
from tests.kubernetes_double.api.lists import chosen
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.api.request import Asking


class Dropped(Exception):
    """The connection of a watch is cut, as a load balancer or a restarted server cuts it."""


class Watches:
    """Every watch that is open.

    Args:
        objects: What is watched.
        bookmark_seconds: How often a watch that wants bookmarks gets one.
    """

    def __init__(self, objects: Objects, *, bookmark_seconds: float = 2.0) -> None:
        self._objects = objects
        self._bookmark_seconds = bookmark_seconds
        self._open: dict[asyncio.Queue[Change | None], asyncio.AbstractEventLoop] = {}

    def __len__(self) -> int:
        return len(self._open)

    def drop(self) -> None:
        """Cut all of them in the middle of the stream; from any thread."""
        for queue, loop in list(self._open.items()):
            loop.call_soon_threadsafe(queue.put_nowait, None)

    async def stream(self, asking: Asking) -> AsyncIterator[bytes]:
        """The lines of one watch.

        Raises:
            Dropped: It was cut.
        """
        queue: asyncio.Queue[Change | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def note(change: Change) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, change)

        try:
            with self._objects.lock:
                first, version = self._first(asking), self._objects.version
                end = self._objects.listen(note)
        except ApiProblem as problem:
            yield _line("ERROR", problem.body())
            return
        self._open[queue] = loop
        try:
            for line in first:
                yield line
            async for line in self._following(asking, queue, version):
                yield line
        finally:
            end()
            del self._open[queue]

    def _first(self, asking: Asking) -> list[bytes]:
        """What happened before the watch began, from the version that it names."""
        is_one, since = chosen(asking), asking.number("resourceVersion") or 0
        if not since:
            found = self._objects.list(asking.target.kind.name)
            return [_line("ADDED", obj) for obj in found if is_one(obj)]
        history = self._objects.history
        if since < self._objects.forgotten:
            message = f"too old resource version: {since} ({self._objects.forgotten})"
            raise ApiProblem(410, "Expired", message)
        seen = [_seen(change, is_one) for change in history if change.version > since]
        return [line for line in seen if line]

    async def _following(
        self, asking: Asking, queue: asyncio.Queue[Change | None], version: int
    ) -> AsyncIterator[bytes]:
        is_one, loop = chosen(asking), asyncio.get_running_loop()
        seconds = asking.number("timeoutSeconds") or random.uniform(1800, 3600)
        over = loop.time() + seconds
        bookmarks = asking.flag("allowWatchBookmarks")
        while (left := over - loop.time()) > 0:
            try:
                wait = min(left, self._bookmark_seconds)
                change = await asyncio.wait_for(queue.get(), wait)
            except TimeoutError:
                if bookmarks:
                    yield _bookmark(asking, version)
                continue
            if change is None:
                raise Dropped
            version = change.version
            if line := _seen(change, is_one):
                yield line
        if bookmarks:
            yield _bookmark(asking, version)


def _seen(change: Change, is_one: Callable[[dict[str, Any]], bool]) -> bytes:
    """A change as a watch with selectors sees it; empty: not at all."""
    is_now = change.type != "DELETED" and is_one(change.obj)
    was = change.before is not None and is_one(change.before)
    if is_now:
        return _line("MODIFIED" if was else "ADDED", change.obj)
    if not was or change.before is None:
        return b""
    # Out of sight is deleted, as it looked last, at the version of the change.
    last = {**change.before, "metadata": {**change.before["metadata"]}}
    last["metadata"]["resourceVersion"] = str(change.version)
    return _line("DELETED", change.obj if change.type == "DELETED" else last)


def _bookmark(asking: Asking, version: int) -> bytes:
    kind = asking.target.kind
    meta = {"resourceVersion": str(version), "creationTimestamp": None}
    obj = {"kind": kind.name, "apiVersion": kind.api_version, "metadata": meta}
    return _line("BOOKMARK", obj)


def _line(event: str, obj: dict[str, Any]) -> bytes:
    return json.dumps({"type": event, "object": obj}).encode() + b"\n"
