"""Watches: streams of changes from a version on."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

from tests.kubernetes_double.api.changes import Change
from tests.kubernetes_double.api.lists import chosen
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.request import ApiRequest


class Dropped(Exception):
    """The connection of a watch is cut."""


class Watches:
    """All open watches.

    Args:
        objects: All objects.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._open: dict[asyncio.Queue[Change | None], asyncio.AbstractEventLoop] = {}

    def drop(self) -> None:
        """Cut all watches; from any thread."""
        for queue, loop in list(self._open.items()):
            loop.call_soon_threadsafe(queue.put_nowait, None)

    async def stream(self, api_request: ApiRequest) -> AsyncIterator[bytes]:
        """Lines of a watch.

        Raises:
            Dropped: The watch was cut, or begins before the history.
        """
        queue: asyncio.Queue[Change | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def note(change: Change) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, change)

        with self._objects.lock:
            first = self._first(api_request)
            end = self._objects.listen(note)
        self._open[queue] = loop
        try:
            for line in first:
                yield line
            async for line in self._following(api_request, queue):
                yield line
        finally:
            end()
            del self._open[queue]

    def _first(self, api_request: ApiRequest) -> list[bytes]:
        """Changes before the watch began, from its version on."""
        is_one, since = chosen(api_request), api_request.number("resourceVersion") or 0
        if not since:
            found = self._objects.list(api_request.target.kind.name)
            return [_line("ADDED", obj) for obj in found if is_one(obj)]
        history = self._objects.history
        if len(history) == history.maxlen and since < history[0].version - 1:
            raise Dropped
        seen = [_seen(change, is_one) for change in history if change.version > since]
        return [line for line in seen if line]

    async def _following(
        self, api_request: ApiRequest, queue: asyncio.Queue[Change | None]
    ) -> AsyncIterator[bytes]:
        is_one, loop = chosen(api_request), asyncio.get_running_loop()
        seconds = api_request.number("timeoutSeconds") or random.uniform(1800, 3600)
        over = loop.time() + seconds
        while (left := over - loop.time()) > 0:
            try:
                change = await asyncio.wait_for(queue.get(), left)
            except TimeoutError:
                return
            if change is None:
                raise Dropped
            if line := _seen(change, is_one):
                yield line


def _seen(change: Change, is_one: Callable[[dict[str, Any]], bool]) -> bytes:
    """The line of a change for a watch with selectors; empty: none."""
    is_now = change.type != "DELETED" and is_one(change.obj)
    was = change.before is not None and is_one(change.before)
    if is_now:
        return _line("MODIFIED" if was else "ADDED", change.obj)
    if not was or change.before is None:
        return b""
    # An object that leaves the selector is deleted, in its last state, at the change's version.
    last = {**change.before, "metadata": {**change.before["metadata"]}}
    last["metadata"]["resourceVersion"] = str(change.version)
    return _line("DELETED", change.obj if change.type == "DELETED" else last)


def _line(event: str, obj: dict[str, Any]) -> bytes:
    return json.dumps({"type": event, "object": obj}).encode() + b"\n"
