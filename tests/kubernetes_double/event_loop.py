"""The thread in which everything behind the API runs, as an event loop."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")
WITHIN_S = 60


class EventLoop:
    """An event loop in a thread, which delivers changes of objects to observers in order."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="cluster-double", daemon=True
        )
        self._observers: list[Callable[[str, dict[str, Any]], None]] = []
        self.faults: list[str] = []

    def start(self) -> None:
        """Start the thread."""
        self._loop.set_exception_handler(self._take_fault)
        self._thread.start()

    def add(self, *observers: Callable[[str, dict[str, Any]], None]) -> None:
        """Call these observers at every change from now on, in this order."""
        self._observers.extend(observers)

    def notify(self, change: str, obj: dict[str, Any]) -> None:
        """Deliver a change to the observers in the loop; from any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._dispatch, change, obj)

    def do(self, act: Callable[[], Result]) -> Result:
        """Run a function in the loop; its result."""

        async def run() -> Result:
            return act()

        return self.wait_for(run())

    def wait_for(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine in the loop; its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)

    def stop(self) -> None:
        """Cancel what still runs, and end the loop and its thread."""
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
            except Exception:  # noqa: BLE001 - a fault of the double, which the test reports
                self.faults.append(traceback.format_exc())

    def _take_fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        text = "".join(traceback.format_exception(error)) if error else ""
        self.faults.append(f"{context.get('message')}\n{text}")
