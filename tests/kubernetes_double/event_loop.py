"""The one thread in which everything behind the API happens, as an event loop."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
WITHIN_S = 60


class Plane:
    """An event loop in a thread of its own, and the changes of objects told in it, in order."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="cluster-double", daemon=True
        )
        self._observers: list[Callable[[str, dict[str, Any]], None]] = []
        self.faults: list[str] = []

    def start(self) -> None:
        """Let the loop run."""
        self._loop.set_exception_handler(self._take_fault)
        self._thread.start()

    def add(self, *observers: Callable[[str, dict[str, Any]], None]) -> None:
        """Tell these of every change from now on, in this order."""
        self._observers.extend(observers)

    def tell(self, change: str, obj: dict[str, Any]) -> None:
        """Take note of a change, from any thread, and have it told in the loop."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._dispatch, change, obj)

    def do(self, act: Callable[[], Result]) -> Result:
        """What an act returns that is carried out in the loop."""

        async def run() -> Result:
            return act()

        return self.wait_for(run())

    def wait_for(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What a coroutine returns that runs in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)

    def stop(self) -> None:
        """End the loop and its thread; what still runs in it is cancelled."""
        self.wait_for(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WITHIN_S)
        self._loop.close()

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_default_executor()

    def _dispatch(self, change: str, obj: dict[str, Any]) -> None:
        for observer in self._observers:
            try:
                observer(change, obj)
            except Exception:  # noqa: BLE001 - a fault of the double; the test shall see it
                self.faults.append(traceback.format_exc())

    def _take_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        text = "".join(traceback.format_exception(error)) if error else ""
        self.faults.append(f"{context.get('message')}\n{text}")
